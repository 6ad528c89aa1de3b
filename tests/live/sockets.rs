//! Connections over the loopback of a network of the test's own.

use std::ffi::CString;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use wisp::error::Errno;
use wisp::host::stream::{Peer, Transport, write_all};
use wisp::transport::http::Client;
use wisp::transport::url;

use super::*;

/// Runs `body` in a network of its own, with the servers that `serve` starts there and these two files in `/etc`. The servers'
/// threads are on today's kernel, which their C library needs, `body` is on the old one.
fn networked(name: &str, serve: impl FnOnce(), body: impl FnOnce(&mut LiveHost)) {
    alone_with(name, None, |dir| {
        network::own();
        own_file(dir, "/etc/resolv.conf", "nameserver 127.0.0.1\nsearch site lab\noptions timeout:1\n");
        own_file(dir, "/etc/hosts", "127.0.0.1 localhost\n::1 six\n");
        // As in a program that does not ignore it: a broken connection must not kill.
        // SAFETY: a signal's number and what the kernel does with it.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        serve();
        seccomp::forbid_newer_than_2_6_32(Answer::Enosys).unwrap();
        body(&mut host(dir));
    });
}

/// This process alone sees another file at `path`.
fn own_file(dir: &Path, path: &str, content: &str) {
    let ours = dir.join(path.replace('/', "-"));
    fs::write(&ours, content).unwrap();
    let text = |path: &str| CString::new(path).unwrap();
    let (from, to) = (text(ours.to_str().unwrap()), text(path));
    // SAFETY: strings and numbers.
    unsafe {
        assert_eq!(libc::unshare(libc::CLONE_NEWNS), 0);
        let none = c"none".as_ptr();
        assert_eq!(libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, std::ptr::null()), 0);
        let mounted = libc::mount(from.as_ptr(), to.as_ptr(), none, libc::MS_BIND, std::ptr::null());
        assert_eq!(mounted, 0, "{path}: {}", std::io::Error::last_os_error());
    }
}

fn get(host: &mut LiveHost, client: &mut Client, url: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
    client.get(host, url::parse(url).unwrap(), max).map_err(|error| error.to_string())
}

fn later(host: &LiveHost, milliseconds: u64) -> Duration {
    host.now().up + Duration::from_millis(milliseconds)
}

fn peer(transport: Transport, address: &str, port: u16) -> Peer {
    Peer::parse(transport, address, port).unwrap()
}

#[test]
fn http_over_a_real_network() {
    let large: Vec<u8> = (0..8u32 << 20).map(|at| (at % 251) as u8).collect();
    let content = large.clone();
    let serve = || {
        network::serve_names();
        network::serve("127.0.0.1:80", move |path, before| match path {
            "/first" if before == 0 => (network::status(503), false),
            "/first" => (network::found("first"), true),
            "/large" => (network::found(&content), true),
            "/half" => (network::found(&content)[..100].to_vec(), false),
            "/moved" => {
                (b"HTTP/1.1 302 Found\r\nLocation: http://web.lab/first\r\nContent-Length: 0\r\n\r\n".to_vec(), true)
            }
            _ => (network::status(404), true),
        });
    };
    networked("http", serve, |host| {
        let mut client = Client::new(1);
        for name in ["web", "web.lab", "localhost"] {
            assert_eq!(
                get(host, &mut client, &format!("http://{name}/first"), 5),
                Ok(Some(b"first".to_vec())),
                "{name}"
            );
        }
        let most = large.len() as u64;
        assert_eq!(get(host, &mut client, "http://web/moved", 5), Ok(Some(b"first".to_vec())));
        assert_eq!(get(host, &mut client, "http://web/none", 5), Ok(None));
        assert!(get(host, &mut client, "http://web/large", most) == Ok(Some(large)));
        let told = get(host, &mut client, "http://web/large", most - 1).unwrap_err();
        assert_eq!(told, format!("cannot fetch http://web/large: more than {} bytes", most - 1));
        let told = get(host, &mut client, "http://web/half", most).unwrap_err();
        assert!(told.contains(" bytes before the end of the content"), "{told}");
        let told = get(host, &mut client, "http://web.elsewhere./", 5).unwrap_err();
        assert_eq!(told, "cannot fetch http://web.elsewhere./: no such host name");
        let told = get(host, &mut client, "http://web:81/", 5).unwrap_err();
        assert_eq!(told, "cannot fetch http://web:81/: cannot connect to 127.0.0.1:81: connection refused");
        let told = get(host, &mut client, "http://192.0.2.1/", 5).unwrap_err();
        assert_eq!(told, "cannot fetch http://192.0.2.1/: cannot connect to 192.0.2.1:80: network is unreachable");
    });
}

#[test]
fn ipv6_and_its_zones() {
    let serve = || network::serve("[::1]:80", |_, _| (network::found("six"), true));
    networked("six", serve, |host| {
        let mut client = Client::new(0);
        for url in ["http://[::1]/", "http://[::1%25lo]/", "http://six/"] {
            assert_eq!(get(host, &mut client, url, 5), Ok(Some(b"six".to_vec())), "{url}");
        }
        let told = get(host, &mut client, "http://[fe80::1%25none9]/", 5).unwrap_err();
        assert_eq!(told, "cannot fetch http://[fe80::1]/: cannot connect to [fe80::1%none9]:80: no such device");
    });
}

#[test]
fn waits_end_when_the_time_is_up() {
    networked(
        "waits",
        || (),
        |host| {
            let listener = TcpListener::bind("127.0.0.1:80").unwrap();
            let until = later(host, 1000);
            let mut stream = host.connect(&peer(Transport::Tcp, "127.0.0.1", 80), until).unwrap();
            let begin = Instant::now();
            let until = later(host, 300);
            let error = stream.read(&mut [0; 8], until).unwrap_err();
            assert_eq!(error.to_string(), "cannot receive from 127.0.0.1:80: timed out");
            // Nobody reads: what the kernel holds fills up.
            let until = later(host, 300);
            let error = write_all(&mut *stream, &vec![0; 64 << 20], until).unwrap_err();
            assert_eq!(error.errno(), Some(Errno::TIMEDOUT));
            host.sleep(Duration::from_millis(300));
            let took = begin.elapsed();
            assert!(took >= Duration::from_millis(880) && took < Duration::from_secs(10), "{took:?}");
            drop(listener);
        },
    );
}

#[test]
fn who_has_gone_is_an_error_and_no_signal() {
    networked(
        "gone",
        || (),
        |host| {
            let listener = TcpListener::bind("127.0.0.1:80").unwrap();
            let until = later(host, 2000);
            let mut stream = host.connect(&peer(Transport::Tcp, "127.0.0.1", 80), until).unwrap();
            drop(listener.accept().unwrap());
            assert_eq!(stream.read(&mut [0; 8], until), Ok(0));
            let error = (0..10).find_map(|_| {
                std::thread::sleep(Duration::from_millis(10));
                stream.write(b"x", until).err()
            });
            assert!(matches!(error.unwrap().errno(), Some(Errno::PIPE | Errno::CONNRESET)));

            let mut datagrams = host.connect(&peer(Transport::Udp, "127.0.0.1", 9), until).unwrap();
            datagrams.write(b"x", until).unwrap();
            assert_eq!(datagrams.read(&mut [0; 8], until).unwrap_err().errno(), Some(Errno::CONNREFUSED));
        },
    );
}
