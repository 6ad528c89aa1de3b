//! One node: its anchor and tag, then an alias, a scalar, or the begin of a collection.

use crate::format::doc::{Kind, Node, Style, Tag};
use crate::format::scalar;
use crate::format::yaml::lexeme::Given;
use crate::format::yaml::scan::{Lexeme, Token};
use crate::format::yaml::{Done, Parser, Place, Role, State};
use crate::limits::MAX_VISITS;

pub(super) const COLLECTION_KEY: &str = "a scalar as key: a collection as key is not supported";

impl Parser<'_> {
    /// One node: anchor and tag in any order, then an alias, a scalar, or the begin of a collection.
    pub(super) fn node(&mut self, role: Role, place: Place) -> Done {
        let begin = self.scanner.peek()?;
        let (mut anchor, mut tag) = (None, None);
        let mut next = begin;
        loop {
            match next.token {
                Token::Anchor if anchor.is_none() => anchor = Some(next),
                Token::Tag(given) if tag.is_none() => tag = Some(given),
                _ => break,
            }
            self.scanner.next()?;
            next = self.scanner.peek()?;
        }
        let collection = match (next.token, place) {
            (Token::Entry, Place::BlockOrIndentless) => Some((Kind::Sequence, Style::Plain, State::IndentlessItem)),
            (Token::SequenceStart, Place::Block | Place::BlockOrIndentless) => {
                Some((Kind::Sequence, Style::Plain, State::BlockItem))
            }
            (Token::MappingStart, Place::Block | Place::BlockOrIndentless) => {
                Some((Kind::Mapping, Style::Plain, State::BlockKey))
            }
            (Token::FlowSequenceStart, _) => Some((Kind::Sequence, Style::Flow, State::FlowFirstItem)),
            (Token::FlowMappingStart, _) => Some((Kind::Mapping, Style::Flow, State::FlowFirstKey)),
            _ => None,
        };
        if let Some((kind, style, state)) = collection {
            if state != State::IndentlessItem {
                self.scanner.next()?;
            }
            return self.collection(
                Node::new(kind, style, self.source, next.at as usize, next.end as usize),
                state,
                role,
                tag,
                anchor,
            );
        }
        match next.token {
            Token::Alias if anchor.is_none() && tag.is_none() => self.alias(role),
            Token::Scalar => {
                self.scanner.next()?;
                self.scalar(next, role, tag, anchor)
            }
            _ if anchor.is_some() || tag.is_some() => {
                self.scalar(Lexeme { token: Token::Scalar, start: next.at, end: next.at, ..next }, role, tag, anchor)
            }
            _ => Err(self.error(next.at, no_value(next.token))),
        }
    }

    fn collection(&mut self, node: Node, state: State, role: Role, tag: Option<Given>, anchor: Option<Lexeme>) -> Done {
        let at = node.start;
        if role == Role::Key {
            return Err(self.error(at, COLLECTION_KEY));
        }
        match (tag, node.kind()) {
            (None | Some(Given::NonSpecific), _)
            | (Some(Given::Sequence), Kind::Sequence)
            | (Some(Given::Mapping), Kind::Mapping) => {}
            _ => return Err(self.error(at, "a value of the kind that its tag names")),
        }
        self.open(node, state, anchor)
    }

    fn alias(&mut self, role: Role) -> Done {
        let name = self.scanner.next()?;
        let (target, weight) = self.anchors.find(&self.doc, self.text, &name)?;
        if self.stack.iter().any(|frame| frame.node == target) {
            return Err(self.error(name.at, "an alias of a finished node: this one is inside its own anchor"));
        }
        if role == Role::Key && self.doc.node(target).kind() != Kind::Scalar {
            return Err(self.error(name.at, COLLECTION_KEY));
        }
        // A merge key counts here too: what it brings is no more than this.
        self.through_aliases += weight;
        if self.through_aliases > MAX_VISITS {
            return Err(self.error(name.at, "at most 1,000,000 nodes once aliases are followed"));
        }
        self.attach(Node::alias(target, self.source, name.at as usize)).map(|_| ())
    }

    fn scalar(&mut self, lexeme: Lexeme, role: Role, tag: Option<Given>, anchor: Option<Lexeme>) -> Done {
        let mut node = Node::new(Kind::Scalar, lexeme.style, self.source, lexeme.start as usize, lexeme.end as usize);
        node.indent = lexeme.indent;
        node.set_tag(match tag {
            None => Tag::None,
            Some(Given::NonSpecific) => scalar::tag_as_plain(&node, self.text),
            Some(Given::Sequence | Given::Mapping) => {
                return Err(self.error(lexeme.at, "a collection behind !!seq or !!map"));
            }
            Some(Given::Scalar(tag)) => tag,
        });
        if let Err(expected) = scalar::check_tag(&node, self.text) {
            return Err(self.error(lexeme.at, expected));
        }
        if lexeme.style == Style::Plain && node.tag() == Tag::None && lexeme.end - lexeme.start <= 2 {
            self.special(&lexeme, role)?;
        }
        self.attach(node)?;
        match anchor {
            Some(name) => self.anchors.add(&mut self.doc, self.text, &name).map(|_| ()),
            None => Ok(()),
        }
    }

    /// The two plain scalars that YAML 1.1 gives a meaning as keys and PyYAML refuses as values: `<<` and `=`.
    fn special(&mut self, lexeme: &Lexeme, role: Role) -> Done {
        match (&self.text[lexeme.start as usize..lexeme.end as usize], role) {
            (b"<<", Role::Key) => {
                if let Some(frame) = self.stack.last_mut() {
                    frame.merges = true;
                }
                Ok(())
            }
            (b"<<", _) => Err(self.error(lexeme.at, "a value: `<<` is a merge key, as text it needs quotes")),
            (b"=", Role::Item | Role::Value) => Err(self.error(lexeme.at, "a value: `=` as text needs quotes")),
            _ => Ok(()),
        }
    }
}

/// What to say of a token that no value begins with.
fn no_value(token: Token) -> &'static str {
    match token {
        Token::StreamEnd | Token::DocumentEnd | Token::DocumentStart => "a value, not the end of the document",
        Token::FlowEntry => "a value before `,`",
        Token::Value => "a key before `:`",
        Token::FlowSequenceEnd => "a value, not `]`",
        Token::FlowMappingEnd => "a value, not `}`",
        _ => "a value",
    }
}
