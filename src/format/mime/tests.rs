use super::*;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use embedded_io::Read;

fn content(message: &Message) -> Result<Vec<u8>, Error> {
    let mut reader = message.reader()?;
    let mut out = Vec::new();
    let mut buffer = [0; 50];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(out),
            count => out.extend_from_slice(&buffer[..count]),
        }
    }
}

/// The tree as text: `multipart/mixed(text/plain "body" …)`.
fn tree(message: &Message) -> String {
    let mut out = message.content_type().to_string();
    if !message.is_multipart() {
        let body = content(message).unwrap();
        return alloc::format!("{out} {:?}", String::from_utf8_lossy(&body));
    }
    out.push('(');
    for part in message.parts().unwrap() {
        out.push_str(&tree(&part));
        out.push(';');
    }
    out + ")"
}

const HEAD: &str = "Content-Type: multipart/mixed; boundary=\"B\"\n\n";

#[test]
fn reads_parts() {
    for (body, wanted) in [
        ("--B\n\none\n--B\n\ntwo\n--B--\n", "text/plain \"one\";text/plain \"two\";"),
        ("pre\namble\n--B\n\none\n\n--B--\nepilogue\n--B\n\nno", "text/plain \"one\\n\";"),
        ("--B\n\none\n--B\n\ntwo\n", "text/plain \"one\";text/plain \"two\";"),
        ("--B\n\none\n--B\n", "text/plain \"one\";text/plain \"\";"),
        ("--B\r\nContent-Type: a/b\r\n\r\none\r\n--B--\r\n", "a/b \"one\";"),
        ("--B \t\n\none\n--B-- \n", "text/plain \"one\";"),
        ("--B\n--B\n\none\n--B--", "text/plain \"one\";"),
        ("--B\n\n--Bx\n --B\n--B--", "text/plain \"--Bx\\n --B\";"),
        ("--B\nContent-Type: TEXT/X\n#!/bin/sh\n\nx\n--B--\n", "text/x \"#!/bin/sh\\n\\nx\";"),
        ("--B\n#!/bin/sh\nx\n--B--\n", "text/plain \"#!/bin/sh\\nx\";"),
        ("--B\nContent-Type: text/x\n--B--\n", "text/x \"\";"),
        ("--B\nContent-Type: bad\n\n--B--\n", "text/plain \"\";"),
        (
            "--B\nContent-Type: multipart/mixed; boundary=C \n\n--C\n\nin\n--B\n\nout\n--B--\n",
            "multipart/mixed(text/plain \"in\";);text/plain \"out\";",
        ),
        (
            "--B\nContent-Type: multipart/mixed;\n\tboundary=BB\n\n--BB\n\nin\n--BB--\n\n--B\n\nout\n--B--\n",
            "multipart/mixed(text/plain \"in\";);text/plain \"out\";",
        ),
        ("--B\nContent-Type: message/rfc822\n\nContent-Type: a/b\n\nin\n--B--\n", "message/rfc822(a/b \"in\";);"),
        ("--B\nContent-Transfer-Encoding: base64\n\nb25l\nLg==\n--B--", "text/plain \"one.\";"),
        ("--B\nContent-Transfer-Encoding: Base64 \n\nb25lLg\n--B--", "text/plain \"one.\";"),
        ("--B\nContent-Transfer-Encoding: quoted-printable\n\none=2E=\n\n\n--B--", "text/plain \"one.\\n\";"),
        ("--B\nContent-Transfer-Encoding: 8BIT\n\none=2E\n--B--", "text/plain \"one=2E\";"),
    ] {
        let text = alloc::format!("{HEAD}{body}");
        let message = Message::new("x", text.as_bytes());
        assert_eq!(tree(&message), alloc::format!("multipart/mixed({wanted})"), "{body}");
    }
}

#[test]
fn reads_names() {
    for (header, wanted) in [
        ("Content-Disposition: attachment; filename=\"a b\"", Some("a b")),
        ("content-disposition: attachment;\n filename=a", Some("a")),
        ("Content-Type: a/b; name=t\nContent-Disposition: attachment; filename=d", Some("d")),
        ("Content-Type: a/b; name=\" t \"\nContent-Disposition: attachment", Some("t")),
        ("Content-Disposition: attachment; filename*=utf-8''%C3%A9", Some("é")),
        ("Content-Disposition: attachment; filename=\"=?utf-8?Q?=C3=A9?=\"", Some("é")),
        ("Content-Type: a/b", None),
        ("", None),
    ] {
        let text = alloc::format!("{header}\n\nbody");
        assert_eq!(Message::new("x", text.as_bytes()).filename().as_deref(), wanted, "{header}");
    }
    let message = Message::new("x", b"Content-Type: text/plain; charset=\"UTF-8\"\n\n");
    assert_eq!(message.charset().as_deref(), Some("UTF-8"));
}

#[test]
fn refuses_at_the_place_in_the_whole_text() {
    let deep = |levels: usize| {
        let mut text = String::new();
        for level in 0..levels {
            text.push_str(&alloc::format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"));
        }
        text
    };
    fn walk(message: &Message) -> Result<(), Error> {
        if !message.is_multipart() {
            return content(message).map(drop);
        }
        message.parts()?.try_for_each(|part| walk(&part))
    }
    let encoded =
        |body: &str| alloc::format!("{HEAD}--B\n\nfine\n--B\nContent-Transfer-Encoding: base64\n\n{body}\n--B--\n");
    for (text, wanted) in [
        (encoded("QUJD\nQUJ*\n"), "line 10, column 4: expected a base64 character"),
        (encoded("*"), "line 9, column 1: expected a base64 character"),
        (encoded("QUJDQ"), "line 9, column 6: expected more base64 characters: the text ends inside a group of four"),
        (
            alloc::format!("{HEAD}--B\nX: y\nContent-Transfer-Encoding:  uuencode\n\nx\n--B--\n"),
            "line 5, column 29: expected transfer encoding 7bit, 8bit, binary, base64 or quoted-printable",
        ),
        (
            alloc::format!("{HEAD}--B\nContent-Type: multipart/mixed\n\nx\n--B--\n"),
            "line 4, column 1: expected a boundary in the content type of the multipart",
        ),
        (alloc::format!("{HEAD}-B\nx\n"), "line 3, column 1: expected a line of `--` and the multipart's boundary"),
        (alloc::format!("{HEAD}--B--\nx\n"), "line 3, column 1: expected a line of `--` and the multipart's boundary"),
        (deep(17), "line 49, column 1: expected at most 16 multiparts inside each other"),
    ] {
        let error = walk(&Message::new("user-data", text.as_bytes())).expect_err(wanted);
        assert_eq!(error.to_string(), alloc::format!("cannot read user-data: {wanted}"), "{text}");
    }
    assert_eq!(walk(&Message::new("user-data", deep(16).as_bytes())), Ok(()));
}

#[test]
fn is_it_a_message() {
    assert!(is_message(b"MIME-Version: 1.0\n"));
    assert!(is_message(b"Content-Type: multipart/mixed\nmime-version: 1.0\n"));
    assert!(!is_message(b"Content-Type: multipart/mixed\n"));
    assert!(!is_message(b""));
    let mut late = alloc::vec![b'\n'; SNIFFED - 13];
    late.extend_from_slice(b"MIME-Version:");
    assert!(is_message(&late));
    late.insert(0, b'\n');
    assert!(!is_message(&late));
}

struct Memory(Vec<u8>);

impl embedded_io::ErrorType for Memory {
    type Error = Error;
}

impl embedded_io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn writes_what_cloud_init_writes() {
    let mut memory = Memory(Vec::new());
    let mut writer = Writer::new(&mut memory, "==B==", 1).unwrap();
    let head = PartHead { content_type: "text/x-shellscript", filename: Some("part-001"), fields: &[("X-A", "b\nc")] };
    writer.part(&head, TransferEncoding::Identity, &mut Bytes(b"#!/bin/sh\n")).unwrap();
    writer.finish().unwrap();
    let wanted = "Content-Type: multipart/mixed; boundary=\"==B==\"\nMIME-Version: 1.0\nNumber-Attachments: 1\n\n\
        --==B==\nContent-Type: text/x-shellscript\nMIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\nX-A: bc\n\
        Content-Disposition: attachment; filename=\"part-001\"\n\n#!/bin/sh\n\n--==B==--\n";
    assert_eq!(String::from_utf8(memory.0).as_deref(), Ok(wanted));
}

#[test]
fn writes_what_it_reads() {
    let contents: &[&[u8]] = &[
        b"",
        b"x",
        b"#!/bin/sh\n",
        b"\n\n",
        b"crlf\r\n",
        b"return\r",
        b"\0",
        b"caf\xC3\xA9",
        b"caf\xE9",
        b"cut\xC3",
        b"--B\n",
        b"a\n--B--",
        b"a\r--B",
        b"a --B\n",
        b"-\n--\n---B",
    ];
    let names = ["a", "a b;c\"d\\e", "é", "new\nline", "=?x?"];
    let mut memory = Memory(Vec::new());
    let mut writer = Writer::new(&mut memory, "B", contents.len()).unwrap();
    let mut as_they_are = 0;
    for (bytes, name) in contents.iter().zip(names.iter().cycle()) {
        let encoding = encoding_for(&mut Bytes(bytes), "B").unwrap();
        as_they_are += usize::from(encoding == TransferEncoding::Identity);
        let head = PartHead { content_type: "text/cloud-config", filename: Some(name), fields: &[] };
        writer.part(&head, encoding, &mut Bytes(bytes)).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(as_they_are, 8);
    let message = Message::new("x", &memory.0);
    assert_eq!(message.header("number-attachments").unwrap().text(), contents.len().to_string());
    let mut count = 0;
    for ((part, bytes), name) in message.parts().unwrap().zip(contents).zip(names.iter().cycle()) {
        assert_eq!(content(&part).as_deref(), Ok(*bytes));
        assert_eq!(part.filename().as_deref(), Some(*name));
        assert_eq!(part.content_type(), "text/cloud-config");
        count += 1;
    }
    assert_eq!(count, contents.len());
}
