//! Every capacity of wisp: value, unit, source. A `MAX_` is inclusive.

/// Nesting of collections in a document (YAML, JSON), levels. libyaml and cloud-init have none; deeper
/// user-data does not exist, and a bound keeps hostile input off the stack.
pub const MAX_NESTING: usize = 64;

/// Nodes visited while a document is walked, merged or printed, aliases included: a few bytes of
/// aliases to aliases would otherwise grow without end ("billion laughs").
pub const MAX_VISITS: usize = 1_000_000;

/// What each cloud-config of user-data may visit besides, where all of them are merged within [`MAX_VISITS`]: a thousand parts that each
/// add ten items to one list, and the small parts behind one that passed the bound.
pub const MAX_PART_VISITS: usize = 8_192;

/// Nodes of one document (YAML, JSON; an anchor is one more), of 16 bytes each: 32 MiB, and as much again while a mapping of more than half a
/// million keys is looked through for equal ones. A dense cloud-config has a node in 8 bytes of text, so that one of 10 MiB has room.
pub const MAX_NODES: usize = 2 << 20;

/// Nodes of all documents that are merged into one (parts of user-data; the layers of the configuration), 128 MiB: room for
/// three kinds of data and the image's own configuration.
pub const MAX_MERGED_NODES: usize = 4 * MAX_NODES;

/// Columns that the text of a block scalar of YAML (`|`, `>`) may be indented by.
pub const MAX_BLOCK_INDENT: usize = 255;

/// Anchors in one YAML document.
pub const MAX_ANCHORS: usize = 1_024;

/// Raw user-data, bytes. Clouds allow 16 to 64 KiB; drives have no bound of their own.
pub const MAX_USER_DATA: u64 = 16 << 20;

/// User-data after decompression, all of it together, bytes.
pub const MAX_INFLATED: u64 = 64 << 20;

/// Parts in one user-data.
pub const MAX_PARTS: usize = 1_024;

/// Multiparts inside multiparts.
pub const MAX_MIME_NESTING: usize = 16;

/// Time that one call of a part handler may take. cloud-init has no bound; what takes longer holds up the boot for good.
pub const MAX_HANDLER_TIME: core::time::Duration = core::time::Duration::from_secs(300);

/// One metadata file of a datasource (`meta_data.json`, `network_data.json`), bytes.
pub const MAX_METADATA: u64 = 4 << 20;

/// One of our own state files, a line of `/proc` or `/sys`, a small config file, bytes.
pub const MAX_STATE_FILE: u64 = 1 << 20;

/// One file of cloud.cfg, bytes.
pub const MAX_CONFIG_FILE: u64 = 16 << 20;

/// Files that an interfaces file sources, those that they source counted; and paths that one pattern stands for. ifupdown
/// has no bound.
pub const MAX_SOURCED: usize = 1_024;

/// Interfaces that `devel parse eni` prints, and lines about one of them.
pub const MAX_ENI_NAMES: usize = 1_024;

/// Interfaces files inside interfaces files.
pub const MAX_SOURCE_DEPTH: usize = 16;

/// A file of `files[]` on a config drive, bytes (Nova's personality files are 10 KiB by default).
pub const MAX_DRIVE_FILE: u64 = 16 << 20;

/// A host name with its domain, bytes (RFC 1035 section 2.3.4).
pub const MAX_HOST_NAME: usize = 253;

/// The kernel's host name, bytes (`__NEW_UTS_LEN`, include/uapi/linux/utsname.h).
pub const MAX_KERNEL_HOST_NAME: usize = 64;

/// A file name, bytes (`NAME_MAX`, include/uapi/linux/limits.h).
pub const MAX_FILE_NAME: usize = 255;

/// A path, bytes (`PATH_MAX`, include/uapi/linux/limits.h, less its NUL).
pub const MAX_PATH: usize = 4095;

/// Symbolic links followed for one path (path_resolution(7)).
pub const MAX_LINKS: usize = 40;

/// Content that a preview keeps in memory so that later stages can read it back, bytes, all files together.
pub const MAX_PREVIEW: u64 = 64 << 20;

/// A file system's label, bytes (btrfs: `BTRFS_LABEL_SIZE`, include/uapi/linux/btrfs.h; the others have less).
pub const MAX_LABEL: usize = 256;

/// A file that `append` is allowed to copy so that the append is atomic, bytes; larger ones are appended in place.
pub const MAX_APPEND_COPY: u64 = 16 << 20;

/// Entries of one list whose errors are told one by one; those of the rest are counted.
pub const MAX_ITEM_ERRORS: usize = 100;

/// What is quoted of a word that is not known, bytes.
pub const MAX_QUOTED: usize = 64;

/// Buffer through which content is streamed, bytes.
pub const COPY_BUFFER: usize = 4096;

/// Buffer through which JSON is written, bytes: small, as it stands on the stack of every stage, whose pages cost more than the calls
/// of a sink that has a buffer of its own.
pub const JSON_BUFFER: usize = 512;

/// Buffer in which a file is compared with what it should hold, bytes.
pub const COMPARE_BUFFER: usize = 64 << 10;

/// Log lines kept in memory before they are written out, bytes: a page with what is kept beside them.
pub const LOG_BUFFER: usize = 4096 - 16;

/// Log kept in memory while the log file cannot be opened, bytes.
pub const MAX_LOG_HELD: usize = 64 << 10;

/// One record from a stage's child process to its parent, bytes. Longer text is cut with a mark.
pub const MAX_RECORD: usize = 4096;

/// Output of a command that is captured (not streamed), bytes.
pub const MAX_CAPTURE: usize = 64 << 10;

/// `#include` inside what an `#include` fetched, levels (cloud-init has no bound).
pub const MAX_INCLUDE_DEPTH: usize = 10;

/// URLs that one user-data fetches, those of nested includes among them (cloud-init has no bound).
pub const MAX_INCLUDE_URLS: usize = 100;

/// All fetching of one user-data together, seconds: a dead server named a hundred times must not hold up the boot for hours.
pub const MAX_INCLUDE_TIME: u64 = 600;

/// A URL, bytes. Browsers and servers take about as much.
pub const MAX_URL: usize = 4096;

/// Status line and header fields of an HTTP answer, bytes (servers send a few hundred; nginx and Apache take 8 KiB a line).
pub const MAX_HTTP_HEAD: usize = 16 << 10;

/// The text of an HTTP answer that is no content (404, a redirect) and is read so that the connection can be used again, bytes.
pub const MAX_HTTP_APOLOGY: u64 = 64 << 10;

/// Redirects followed for one request (browsers: 20).
pub const MAX_REDIRECTS: u32 = 10;

/// Tries after the first, where the server or the connection failed (cloud-init's OpenStack reader).
pub const HTTP_RETRIES: u32 = 5;

/// Waiting for a connection, or for the next bytes on one, seconds (cloud-init's OpenStack reader).
pub const HTTP_TIMEOUT: u64 = 10;

/// One HTTP request with its redirects, retries and content, seconds (cloud-init's EC2 reader).
pub const MAX_HTTP_TIME: u64 = 240;

/// Name servers asked, by us and by the C library (`MAXNS`, resolv.h).
pub const MAX_NAME_SERVERS: usize = 3;

/// Search domains tried, by us and by the C library until glibc 2.26 (`MAXDNSRCH`, resolv.h).
pub const MAX_SEARCH_DOMAINS: usize = 6;

/// A DNS answer, bytes: what one datagram holds without EDNS (RFC 1035 section 4.2.1).
pub const MAX_DNS_ANSWER: usize = 512;

/// Addresses tried for one name.
pub const MAX_ADDRESSES: usize = 16;

/// Blocks and expressions inside each other in a template. Jinja has no bound but Python's stack.
pub const MAX_TEMPLATE_NESTING: usize = 64;

/// What rendering the templates of one user-data may cost, all together: bytes of them read (of a loop, for each item again), bytes of values
/// made, 32 for each item of a list, and bytes that they become, which are kept. A few bytes of loops in loops would otherwise run without
/// end, and a few KiB of templates fill the memory.
pub const MAX_TEMPLATE_WORK: usize = 64 << 20;

/// What one template may become, bytes: as much as raw user-data.
pub const MAX_TEMPLATE_OUTPUT: usize = 16 << 20;

/// An interface's name, bytes (`IFNAMSIZ`, include/uapi/linux/if.h, less its NUL).
pub const MAX_INTERFACE_NAME: usize = 15;

/// A hardware address, bytes: InfiniBand's (`INFINIBAND_ALEN`, include/uapi/linux/if_infiniband.h) is the longest that NICs have.
pub const MAX_MAC: usize = 20;

/// The shortest hardware address, bytes: Ethernet's (`ETH_ALEN`, include/uapi/linux/if_ether.h).
pub const MIN_MAC: usize = 6;

/// Links of one network config. One NIC has room for 4,094 VLANs (IEEE 802.1Q).
pub const MAX_LINKS_CONFIGURED: usize = 4_096;

/// NICs that are looked at. A server has tens, a virtual machine at most some hundreds.
pub const MAX_NICS: usize = 4_096;

/// Addresses that the kernel is asked for. A link has few; a host of containers some thousands.
pub const MAX_KERNEL_ADDRESSES: usize = 65_536;

/// Routes that the kernel is asked for: a router of the whole Internet has a million, and is not set up by us.
pub const MAX_KERNEL_ROUTES: usize = 65_536;

/// Room for one of the kernel's answers by netlink, bytes: it writes no more into one than it was given room for, up to this (`netlink_dump`,
/// net/netlink/af_netlink.c; a page or 8 KiB before Linux 3.15).
pub const NETLINK_BUFFER: usize = 16 << 10;

/// How often the kernel is asked for all addresses or routes, because they changed meanwhile.
pub const NETLINK_TRIES: u32 = 8;

/// `network-config=` of the kernel command line once decoded, bytes. The command line itself has 2,048 on x86 (`COMMAND_LINE_SIZE`).
pub const MAX_CMDLINE_NETWORK: u64 = 1 << 20;

/// The largest VLAN id (IEEE 802.1Q; 4,095 is reserved).
pub const MAX_VLAN_ID: u16 = 4_094;

/// The search domains of resolv.conf with blanks between them, bytes, until glibc 2.26 (resolv.conf(5)).
pub const MAX_SEARCH_LENGTH: usize = 256;

/// Directories and plugins of NetworkManager that are looked through: one for each version that was ever installed, few.
pub const MAX_PLUGINS: usize = 64;

/// Files of one kind that are looked at for NICs that have gone: a few for each NIC that an image ever had.
pub const MAX_FOREIGN: usize = 4_096;

/// Processes that are looked through for a DHCP client: as many as there are numbers for (`PID_MAX_DEFAULT`, include/linux/threads.h).
pub const MAX_PROCESSES: usize = 32_768;

/// A packet of DHCP, bytes: what Ethernet carries whole. The servers are told so (RFC 2132 section 9.10); 576 is the least that a
/// client must take (RFC 2131 section 2).
pub const MAX_DHCP_PACKET: usize = 1_500;

/// Addresses, routes or domains of one kind that a DHCP server gives, the first of which are taken: about what one option of 255
/// bytes holds, where four bytes are the shortest (RFC 2132).
pub const MAX_LEASE_ITEMS: usize = 64;

/// The file of the leases that are renewed, bytes: some hundred leases as servers usually give them.
pub const MAX_LEASES_FILE: u64 = 64 << 10;

/// How long a link waits for its DHCP server: two requests and their answers go well within it (RFC 2131 section 4.1), and `dhclient` of RHEL 6
/// and 7 waits as long where it is to go on in the background.
pub const MAX_DHCP_TIME: core::time::Duration = core::time::Duration::from_secs(30);
/// How long the links behind the first wait at least, where [`MAX_DHCP_TIME`] is over: a request, one more after 4 seconds, and an answer to that.
pub const MIN_DHCP_TIME: core::time::Duration = core::time::Duration::from_secs(8);
