//! [`Doc`]: the one tree for YAML and JSON, a flat table of nodes that point into [`Sources`].
//!
//! A document does not copy text: a node is kind, style, source and span, and its scalar stays raw until it is
//! read through a [`Value`]. An alias is a node that names another node, never a copy. Whoever walks a
//! document of unknown origin goes through [`Value`], and through [`Visits`] where it walks all of it.

mod repeats;
mod sources;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::error::{self, Error, ParseError};
use crate::format::scalar::{self, Scalar, ScalarReader};
use crate::limits::{MAX_NODES, MAX_PART_VISITS, MAX_VISITS};
use repeats::Repeats;
pub use sources::{Source, SourceId, Sources};

/// Index of a node in its document's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(pub u32);

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One text, typed when read.
    Scalar,
    /// Items in order.
    Sequence,
    /// Key and value nodes in turns.
    Mapping,
    /// Stands for another node of the same document.
    Alias,
}

/// How a scalar or collection was written, which says how to decode it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A block collection, or a scalar without quotes.
    Plain,
    /// `'…'`; the span is inside the quotes.
    SingleQuoted,
    /// `"…"` of YAML; the span is inside the quotes.
    DoubleQuoted,
    /// `|`; the span is the content lines, without the header.
    Literal,
    /// `>`; the span is the content lines, without the header.
    Folded,
    /// A flow collection, or one of JSON.
    Flow,
    /// `"…"` of JSON; the span is inside the quotes.
    JsonString,
    /// A number, `true`, `false` or `null` of JSON.
    JsonLiteral,
    /// Text that is the value as it stands, byte for byte; never typed (made by us: merge results, templates).
    Verbatim,
}

/// An explicit tag of a scalar. (What `!!seq` and `!!map` say of a collection, its kind says too.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// None: the value's form decides.
    None,
    /// `!!str`. (The non-specific `!` is no tag: PyYAML types what it stands before as if it were plain.)
    Str,
    /// `!!binary`: base64 text.
    Binary,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!bool`
    Bool,
    /// `!!null`
    Null,
}

/// One row of the table, 16 bytes: a cloud-config of 10,000 files has 100,000 of them.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// Kind, style and tag: see [`NOT_SCALAR`].
    pub(crate) what: u8,
    /// Block scalars: columns of indentation to take off each line.
    pub indent: u8,
    /// The text it points into.
    pub source: SourceId,
    /// First byte of the raw value; of a collection or an alias the first byte of all.
    pub start: u32,
    /// Collections: the first child + 1, 0 for none. Aliases: the node named. Scalars: see [`Node::end`].
    pub first: u32,
    /// The next sibling + 1, 0 for none.
    pub next: u32,
}

/// In [`Node`]'s `what`, the low bits are the style and this bit says that it is no scalar; above are the tag or the kind.
const NOT_SCALAR: u8 = 0x80;
const STYLE: u8 = 0x0F;
const SHIFT: u32 = 4;

const STYLES: [Style; 16] = {
    use Style::*;
    const X: Style = Verbatim;
    [Plain, SingleQuoted, DoubleQuoted, Literal, Folded, Flow, JsonString, JsonLiteral, X, X, X, X, X, X, X, X]
};

impl Node {
    /// A node without tag, children or sibling. Only a scalar has an end.
    pub fn new(kind: Kind, style: Style, source: SourceId, start: usize, end: usize) -> Self {
        let (what, first) = match kind {
            Kind::Scalar => (0, end as u32),
            kind => (NOT_SCALAR | (kind as u8) << SHIFT, 0),
        };
        Node { what: what | style as u8, indent: 0, source, start: start as u32, first, next: 0 }
    }

    /// An alias of `target`.
    pub fn alias(target: NodeId, source: SourceId, start: usize) -> Self {
        Node { first: target.0, ..Node::new(Kind::Alias, Style::Plain, source, start, start) }
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match self.what & (NOT_SCALAR | 3 << SHIFT) {
            SEQUENCE => Kind::Sequence,
            MAPPING => Kind::Mapping,
            ALIAS => Kind::Alias,
            _ => Kind::Scalar,
        }
    }

    /// How it was written.
    pub fn style(&self) -> Style {
        STYLES[(self.what & STYLE) as usize]
    }

    /// The tag of a scalar.
    pub fn tag(&self) -> Tag {
        if self.what & NOT_SCALAR != 0 {
            return Tag::None;
        }
        match self.what >> SHIFT {
            0 => Tag::None,
            1 => Tag::Str,
            2 => Tag::Binary,
            3 => Tag::Int,
            4 => Tag::Float,
            5 => Tag::Bool,
            _ => Tag::Null,
        }
    }

    /// Gives a scalar its tag.
    pub fn set_tag(&mut self, tag: Tag) {
        if self.what & NOT_SCALAR == 0 {
            self.what = self.what & STYLE | (tag as u8) << SHIFT;
        }
    }

    /// One past the last byte of a scalar's raw value; other nodes have none, and end where they start.
    pub fn end(&self) -> u32 {
        if self.what & NOT_SCALAR == 0 { self.first } else { self.start }
    }
}

const SEQUENCE: u8 = NOT_SCALAR | (Kind::Sequence as u8) << SHIFT;
const MAPPING: u8 = NOT_SCALAR | (Kind::Mapping as u8) << SHIFT;
const ALIAS: u8 = NOT_SCALAR | (Kind::Alias as u8) << SHIFT;

/// What a parser says at the node that is one too many.
pub(crate) const TOO_MANY: &str = "at most 2,097,152 nodes in a document";
const _: () = assert!(MAX_NODES == 2_097_152, "the words above say it");
const _: () = assert!(MAX_VISITS == 1_000_000, "so do those of `Visits`");

/// A document: its nodes, and which of them is the root.
#[derive(Clone, Debug, Default)]
pub struct Doc {
    nodes: Vec<Node>,
    root: u32,
    /// Rows that are no nodes of the tree: what a parser notes.
    notes: u32,
    repeats: Repeats,
}

impl Doc {
    /// An empty document; [`Doc::root`] is `None` until a node is set as root.
    pub const fn new() -> Self {
        Doc { nodes: Vec::new(), root: 0, notes: 0, repeats: Repeats::NONE }
    }

    /// An empty document with room for `nodes` rows.
    pub fn with_capacity(nodes: usize) -> Self {
        Doc { nodes: Vec::with_capacity(nodes.min(MAX_NODES)), ..Doc::new() }
    }

    /// Adds a row. It belongs to nothing until [`Doc::attach`] or [`Doc::set_root`]. Parsers look at [`MAX_NODES`] before.
    pub fn push(&mut self, node: Node) -> NodeId {
        if self.nodes.len() == self.nodes.capacity() {
            self.grow(1);
        }
        self.nodes.push(node);
        NodeId(self.nodes.len() as u32 - 1)
    }

    /// Twice as much room, but not more than a document may need, unless `rows` do.
    #[cold]
    fn grow(&mut self, rows: usize) {
        let (length, room) = (self.nodes.len(), self.nodes.capacity());
        let left = MAX_NODES.saturating_sub(length);
        let more = if left == 0 { room } else { room.clamp(16, MAX_NODES).min(left) };
        self.nodes.reserve_exact(more.max(rows));
    }

    /// Rows of scratch behind all others, all `row`, for a parser that works in the table's own memory. They go by [`Doc::remove_scratch`].
    pub(in crate::format) fn add_scratch(&mut self, rows: usize, row: Node) -> Range<usize> {
        let begin = self.nodes.len();
        if self.nodes.capacity() - begin < rows {
            self.grow(rows);
        }
        self.nodes.resize(begin + rows, row);
        begin..begin + rows
    }

    /// Takes the rows of scratch away; those added behind them move there.
    pub(in crate::format) fn remove_scratch(&mut self, scratch: Range<usize>) {
        self.nodes.copy_within(scratch.end.., scratch.start);
        self.nodes.truncate(self.nodes.len() - scratch.len());
    }

    /// Adds a row that is no node of the tree.
    pub(in crate::format) fn note(&mut self, row: Node) -> NodeId {
        self.notes += 1;
        self.push(row)
    }

    /// Rows that are nodes of the tree, or were before an equal key came.
    pub(in crate::format) fn nodes(&self) -> usize {
        self.nodes.len() - self.notes as usize
    }

    /// Makes `child` the next child of `parent`; `last` is the parent's last child so far.
    pub fn attach(&mut self, parent: NodeId, last: Option<NodeId>, child: NodeId) {
        match last {
            None => self.nodes[parent.0 as usize].first = child.0 + 1,
            Some(last) => self.nodes[last.0 as usize].next = child.0 + 1,
        }
    }

    /// Names the root.
    pub fn set_root(&mut self, id: NodeId) {
        self.root = id.0 + 1;
    }

    /// The root node, `None` in an empty document.
    pub fn root(&self) -> Option<NodeId> {
        self.root.checked_sub(1).map(NodeId)
    }

    /// One row.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// One row, to be changed by the parser that makes it.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    /// Takes over the rows of `other`, end to end with ours; the root it had. Ours stays as it is.
    pub fn absorb(&mut self, mut other: Doc) -> Option<NodeId> {
        let offset = self.nodes.len() as u32;
        for node in &mut other.nodes {
            if node.next != 0 {
                node.next += offset;
            }
            match node.kind() {
                Kind::Sequence | Kind::Mapping if node.first != 0 => node.first += offset,
                Kind::Alias => node.first += offset,
                _ => {}
            }
        }
        let root = other.root().map(|id| NodeId(id.0 + offset));
        if self.nodes.is_empty() {
            self.nodes = other.nodes;
        } else {
            self.nodes.append(&mut other.nodes);
        }
        root
    }

    /// Rows in the table.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Memory of the table, bytes.
    pub fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
    }

    /// True before the first row.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The root as a [`Value`], `None` in an empty document.
    pub fn value<'a>(&'a self, sources: &'a Sources) -> Option<Value<'a>> {
        self.root().map(|id| Value { doc: self, sources, id }.followed())
    }
}

/// A node seen together with its document and texts. Aliases are already followed.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    /// The document.
    pub doc: &'a Doc,
    /// Its texts.
    pub sources: &'a Sources,
    /// The node.
    pub id: NodeId,
}

impl<'a> Value<'a> {
    /// Node `id` of `doc`, or what it is an alias of.
    pub fn new(doc: &'a Doc, sources: &'a Sources, id: NodeId) -> Self {
        Value { doc, sources, id }.followed()
    }

    /// The node behind an alias. The parsers refuse an alias inside its own anchor, so a chain ends.
    fn followed(mut self) -> Self {
        loop {
            let node = self.doc.node(self.id);
            if node.what & (NOT_SCALAR | 3 << SHIFT) != ALIAS {
                return self;
            }
            self.id = NodeId(node.first);
        }
    }

    /// The row of the table.
    pub fn node(&self) -> &'a Node {
        self.doc.node(self.id)
    }

    /// What it is; never [`Kind::Alias`].
    pub fn kind(&self) -> Kind {
        self.node().kind()
    }

    /// True for a mapping.
    pub fn is_mapping(&self) -> bool {
        self.kind() == Kind::Mapping
    }

    /// True for a sequence.
    pub fn is_sequence(&self) -> bool {
        self.kind() == Kind::Sequence
    }

    /// True for a scalar that is null.
    pub fn is_null(&self) -> bool {
        self.kind() == Kind::Scalar && matches!(self.scalar(), Scalar::Null)
    }

    /// The raw text of a scalar; nothing of another node.
    pub fn raw(&self) -> &'a [u8] {
        let node = self.node();
        &self.sources.text(node.source)[node.start as usize..node.end() as usize]
    }

    /// The children of a collection, as they stand (a mapping: key, value, key, …); none for a scalar.
    pub fn children(&self) -> Children<'a> {
        let next = match self.kind() {
            Kind::Sequence | Kind::Mapping => self.node().first,
            _ => 0,
        };
        Children { doc: self.doc, sources: self.sources, next }
    }

    /// The items of a sequence; none for anything else.
    pub fn items(&self) -> Children<'a> {
        if self.is_sequence() { self.children() } else { Children { doc: self.doc, sources: self.sources, next: 0 } }
    }

    /// The (key, value) pairs of a mapping in the text's order; none for anything else.
    pub fn entries(&self) -> Entries<'a> {
        let next = if self.is_mapping() { self.node().first } else { 0 };
        Entries { children: Children { doc: self.doc, sources: self.sources, next } }
    }

    /// The value of `key` in a mapping. The last of equal keys wins, as in PyYAML and Python's `json`.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        let mut found = None;
        let mut next = if self.is_mapping() { self.node().first } else { 0 };
        while let Some(name) = next.checked_sub(1) {
            let Some(value) = self.doc.node(NodeId(name)).next.checked_sub(1) else { break };
            if Value::new(self.doc, self.sources, NodeId(name)).is_text(key) {
                found = Some(NodeId(value));
            }
            next = self.doc.node(NodeId(value)).next;
        }
        found.map(|value| Value::new(self.doc, self.sources, value))
    }

    /// The value at a path of keys separated by `.` ("system_info.paths.cloud_dir"); no key has a dot in it.
    pub fn at(&self, path: &str) -> Option<Value<'a>> {
        path.split('.').try_fold(*self, |value, key| value.get(key))
    }

    /// True if this is a scalar whose decoded text is `text`.
    pub fn is_text(&self, text: &str) -> bool {
        self.may_be(text.as_bytes()) && scalar::equals(self, text.as_bytes())
    }

    /// False if it is plain from the first byte that the decoded text is not `text`, or this is no scalar: every key of a mapping is
    /// compared with every key that is looked for. A letter or digit stands for itself in all styles that are not of lines.
    fn may_be(&self, text: &[u8]) -> bool {
        const OTHERS: u8 = 1 << Style::Literal as u8 | 1 << Style::Folded as u8;
        let node = self.node();
        let first = self.sources.text(node.source).get(node.start as usize);
        match first.filter(|_| node.what & NOT_SCALAR == 0 && node.start < node.first) {
            None => node.what & NOT_SCALAR == 0,
            Some(first) => {
                !first.is_ascii_alphanumeric()
                    || text.first() == Some(first)
                    || OTHERS as u32 >> (node.what & STYLE) & 1 == 1
                    || node.tag() == Tag::Binary
            }
        }
    }

    /// The scalar, typed by YAML 1.1 or JSON rules. A collection is [`Scalar::Text`] (callers look at [`Value::kind`] first).
    pub fn scalar(&self) -> Scalar {
        scalar::resolve(self)
    }

    /// The decoded bytes of a scalar as a stream; `!!binary` is decoded from base64 too.
    pub fn reader(&self) -> ScalarReader<'a> {
        ScalarReader::new(*self)
    }

    /// The decoded bytes of a scalar, at most `max` of them.
    ///
    /// # Errors
    /// Not a scalar, bad base64 in a `!!binary`, or longer than `max`.
    pub fn bytes(&self, max: usize) -> Result<Vec<u8>, Error> {
        scalar::bytes(self, max)
    }

    /// The decoded text of a scalar: numbers and booleans as they were written. At most the size of its source.
    ///
    /// # Errors
    /// Not a scalar, or (`!!binary`) not UTF-8.
    pub fn text(&self) -> Result<String, Error> {
        let bytes = self.bytes(self.sources.text(self.node().source).len() * 2)?;
        String::from_utf8(bytes).map_err(|_| self.error("UTF-8 text"))
    }

    /// Where the node begins.
    pub fn position(&self) -> Position<'a> {
        let node = self.node();
        let (line, column) = error::position(self.sources.text(node.source), node.start as usize);
        Position { source: &self.sources.get(node.source).name, line, column }
    }

    /// The error "cannot read SOURCE: line L, column C: expected …" at this node.
    pub fn error(&self, expected: impl Into<alloc::borrow::Cow<'static, str>>) -> Error {
        let at = self.position();
        Error::new("read", at.source, ParseError::new(at.line, at.column, expected))
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.kind(), self.position())
    }
}

/// A place in a source, printed as `NAME:LINE:COLUMN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position<'a> {
    /// The source's name.
    pub source: &'a str,
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
}

impl fmt::Display for Position<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source, self.line, self.column)
    }
}

/// Iterator over children, aliases followed.
#[derive(Clone)]
pub struct Children<'a> {
    doc: &'a Doc,
    sources: &'a Sources,
    next: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let id = NodeId(self.next.checked_sub(1)?);
        self.next = self.doc.node(id).next;
        Some(Value { doc: self.doc, sources: self.sources, id }.followed())
    }
}

/// Iterator over the (key, value) pairs of a mapping.
#[derive(Clone)]
pub struct Entries<'a> {
    children: Children<'a>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Value<'a>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.children.next()?;
        Some((key, self.children.next()?))
    }
}

/// Counts nodes visited against [`MAX_VISITS`], for whoever walks a document through its aliases.
#[derive(Clone, Copy, Debug, Default)]
pub struct Visits(usize);

impl Visits {
    /// Gives back what one more document may cost where several share the bound ([`MAX_PART_VISITS`]), those behind one that passed it too.
    pub fn part(&mut self) {
        self.0 = self.0.saturating_sub(MAX_PART_VISITS);
    }

    /// Counts one more node.
    ///
    /// # Errors
    /// Past the bound: an error at the node that was visited.
    pub fn count(&mut self, value: &Value<'_>) -> Result<(), Error> {
        self.0 += 1;
        if self.0 > MAX_VISITS {
            return Err(value.error("at most 1,000,000 nodes once aliases are followed"));
        }
        Ok(())
    }
}
