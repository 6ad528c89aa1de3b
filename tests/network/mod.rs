//! A network of the test's own: a namespace with nothing in it but the loopback, and small servers there. What the tests' machine
//! listens on is out of reach, and nothing here is reached from outside.

#![allow(dead_code)] // each test file uses its part

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;

/// The calling thread, and the threads and processes that it makes from now on, are in a new network. Root is needed.
pub fn own() {
    // SAFETY: numbers, and a request of the kernel's own form.
    unsafe {
        assert_eq!(libc::unshare(libc::CLONE_NEWNET), 0, "unshare: {}", io::Error::last_os_error());
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[..2].copy_from_slice(&[b'l' as libc::c_char, b'o' as libc::c_char]);
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        assert_eq!(libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &request), 0, "lo: {}", io::Error::last_os_error());
        libc::close(socket);
    }
}

/// The bytes that are sent, and whether the connection lives on.
pub type Answered = (Vec<u8>, bool);

/// Answers HTTP at `address`: `answer` gets the path, and how many requests for anything came before.
pub fn serve(address: &str, answer: impl Fn(&str, usize) -> Answered + Send + 'static) {
    let listener = TcpListener::bind(address).unwrap();
    thread::spawn(move || {
        let mut before = 0;
        for stream in listener.incoming().flatten() {
            // A client that goes in the middle is one of the tests.
            let _ = talk(stream, &answer, &mut before);
        }
    });
}

fn talk(stream: TcpStream, answer: &dyn Fn(&str, usize) -> Answered, before: &mut usize) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let path = head.split(' ').nth(1).unwrap_or_default();
        let (bytes, lives) = answer(path, *before);
        *before += 1;
        (&stream).write_all(&bytes)?;
        if !lives {
            return Ok(());
        }
    }
}

/// `200` with this content.
pub fn found(content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len());
    [head.as_bytes(), content].concat()
}

/// No content.
pub fn status(code: u16) -> Vec<u8> {
    format!("HTTP/1.1 {code} Whatever\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

/// Answers DNS questions at 127.0.0.1: every name below `lab` has the address 127.0.0.1 (and no IPv6 one), no other is there.
pub fn serve_names() {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((count, from)) = socket.recv_from(&mut buffer) {
            let mut reply = buffer[..count].to_vec();
            let ours = reply.windows(5).any(|part| part == b"\x03lab\0");
            let asks_v4 = reply[count - 4..count - 2] == [0, 1];
            reply[2..4].copy_from_slice(&[0x81, if ours { 0x80 } else { 0x83 }]);
            if ours && asks_v4 {
                reply[7] = 1;
                reply.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01");
            }
            let _ = socket.send_to(&reply, from);
        }
    });
}
