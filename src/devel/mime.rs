//! A MIME message: `{headers, content_type, filename, charset, line, parts}`, in place of `parts` `text` or `base64` where it
//! has none.

use super::Work;
use crate::error::Error;
use crate::format::mime::Message;
use crate::format::stream;
use crate::host::write::Buffer;

pub fn print(work: &mut Work<'_, '_>) -> Result<(), Error> {
    message(work, &Message::new(work.input.name, work.input.text))
}

fn message(work: &mut Work<'_, '_>, message: &Message<'_>) -> Result<(), Error> {
    work.json.begin_object()?;
    work.json.key("line")?;
    work.json.int(i64::from(message.position().line))?;
    work.field("content_type", &message.content_type())?;
    work.field_if("filename", &message.filename().unwrap_or_default())?;
    work.field_if("charset", &message.charset().unwrap_or_default())?;
    work.json.key("headers")?;
    work.json.begin_array()?;
    for header in message.headers() {
        work.json.begin_array()?;
        work.json.string_from(&mut stream::Bytes(header.name))?;
        work.json.string(&header.text())?;
        work.json.end_array()?;
    }
    work.json.end_array()?;
    if message.is_multipart() {
        work.json.key("parts")?;
        work.json.begin_array()?;
        // As deep as `parts` allows.
        message.parts()?.try_for_each(|part| self::message(work, &part))?;
        work.json.end_array()?;
    } else {
        let mut body = Buffer::new(work.input.text.len());
        stream::copy(&mut message.reader()?, &mut body)?;
        work.content(&body.bytes)?;
    }
    work.json.end_object()
}
