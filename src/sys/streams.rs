//! Standard streams that are closed: the kernel starts an init without any when it has no console, and std aborts, before main, if
//! it cannot open `/dev/null` in their place. Where `/dev` is still empty the root directory is opened instead: to write to
//! it is an error, which nobody is told of, and to read from it as well.

use core::ffi::c_int;

/// Run by the C library before std begins.
#[used]
#[unsafe(link_section = ".init_array")]
static FILL: extern "C" fn() = fill;

extern "C" fn fill() {
    for stream in 0..3 as c_int {
        // SAFETY: numbers and strings; the lowest number that is free is the one that is missing.
        unsafe {
            if libc::fcntl(stream, libc::F_GETFD) == -1 && libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) == -1 {
                libc::open(c"/".as_ptr(), libc::O_RDONLY);
            }
        }
    }
}
