//! The names: filters, tests and methods, and what each is the name of.

use super::super::lexer::*;

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Filter = 1,
    Test = 2,
    /// Of a text or a mapping; see [`S`] and [`M`].
    Method = 4 | 8,
}

const F: u8 = Kind::Filter as u8;
const T: u8 = Kind::Test as u8;
/// A method of texts.
pub(super) const S: u8 = 4;
/// A method of mappings.
pub(super) const M: u8 = 8;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Id {
    // These take their value, and their first two arguments, as texts.
    Upper,
    Lower,
    Capitalize,
    Title,
    Strip,
    StripStart,
    StripEnd,
    Replace,
    Split,
    StartsWith,
    EndsWith,
    Indent,
    Text,
    Glue,
    IsUpper,
    IsLower,
    // These take a list.
    Join,
    First,
    Last,
    List,
    Reverse,
    Sort,
    Unique,
    Min,
    Max,
    Map,
    Select,
    Reject,
    // These take what they want.
    Default,
    Json,
    Length,
    Int,
    Float,
    Abs,
    Items,
    Sorted,
    Keys,
    Values,
    Get,
    Defined,
    Undefined,
    None,
    True,
    False,
    Boolean,
    Integer,
    IsFloat,
    Number,
    IsText,
    Mapping,
    Sequence,
    Same,
    Odd,
    Even,
    Divisible,
    Compare(Code),
}

/// A name with the names of its arguments behind it; what it is; what it is the name of, and how many arguments it needs.
pub(super) struct Row(pub &'static str, pub Id, pub u8, pub u8);

static TABLE: &[Row] = &[
    Row("abs", Id::Abs, F, 0),
    Row("boolean", Id::Boolean, T, 0),
    Row("capitalize", Id::Capitalize, F | S, 0),
    Row("count", Id::Length, F, 0),
    Row("d default_value boolean", Id::Default, F, 0),
    Row("default default_value boolean", Id::Default, F, 0),
    Row("defined", Id::Defined, T, 0),
    Row("dictsort case_sensitive by reverse", Id::Sorted, F, 0),
    Row("divisibleby num", Id::Divisible, T, 1),
    Row("endswith suffix", Id::EndsWith, S, 1),
    Row("eq other", Id::Compare(EQUAL), T, 1),
    Row("equalto other", Id::Compare(EQUAL), T, 1),
    Row("even", Id::Even, T, 0),
    Row("false", Id::False, T, 0),
    Row("first", Id::First, F, 0),
    Row("float default", Id::Float, F, 0),
    Row("float", Id::IsFloat, T, 0),
    Row("ge other", Id::Compare(AT_LEAST), T, 1),
    Row("get key default", Id::Get, M, 1),
    Row("gt other", Id::Compare(b'>'), T, 1),
    Row("in seq", Id::Compare(IN), T, 1),
    Row("indent width first blank", Id::Indent, F, 0),
    Row("int default", Id::Int, F, 0),
    Row("integer", Id::Integer, T, 0),
    Row("items", Id::Items, F | M, 0),
    Row("iterable", Id::Sequence, T, 0),
    Row("join d attribute", Id::Join, F, 0),
    Row("join iterable", Id::Glue, S, 1),
    Row("keys", Id::Keys, M, 0),
    Row("last", Id::Last, F, 0),
    Row("le other", Id::Compare(AT_MOST), T, 1),
    Row("length", Id::Length, F, 0),
    Row("list", Id::List, F, 0),
    Row("lower", Id::IsLower, T, 0),
    Row("lower", Id::Lower, F | S, 0),
    Row("lstrip chars", Id::StripStart, S, 0),
    Row("lt other", Id::Compare(b'<'), T, 1),
    Row("map filter attribute default", Id::Map, F, 0),
    Row("mapping", Id::Mapping, T, 0),
    Row("max case_sensitive attribute", Id::Max, F, 0),
    Row("min case_sensitive attribute", Id::Min, F, 0),
    Row("ne other", Id::Compare(UNEQUAL), T, 1),
    Row("none", Id::None, T, 0),
    Row("number", Id::Number, T, 0),
    Row("odd", Id::Odd, T, 0),
    Row("reject test other", Id::Reject, F, 0),
    Row("rejectattr attribute test other", Id::Reject, F, 1),
    Row("replace old new count", Id::Replace, F | S, 2),
    Row("reverse", Id::Reverse, F, 0),
    Row("rstrip chars", Id::StripEnd, S, 0),
    Row("sameas other", Id::Same, T, 1),
    Row("select test other", Id::Select, F, 0),
    Row("selectattr attribute test other", Id::Select, F, 1),
    Row("sequence", Id::Sequence, T, 0),
    Row("sort reverse case_sensitive attribute", Id::Sort, F, 0),
    Row("split sep maxsplit", Id::Split, S, 0),
    Row("startswith prefix", Id::StartsWith, S, 1),
    Row("string", Id::IsText, T, 0),
    Row("string", Id::Text, F, 0),
    Row("strip chars", Id::Strip, S, 0),
    Row("title", Id::Title, F, 0),
    Row("tojson", Id::Json, F, 0),
    Row("trim chars", Id::Strip, F, 0),
    Row("true", Id::True, T, 0),
    Row("undefined", Id::Undefined, T, 0),
    Row("unique case_sensitive attribute", Id::Unique, F, 0),
    Row("upper", Id::IsUpper, T, 0),
    Row("upper", Id::Upper, F | S, 0),
    Row("values", Id::Values, M, 0),
];

/// The row of a name, and the names of its arguments.
#[inline(never)]
pub(super) fn find(kind: u8, name: &str) -> Option<(&'static Row, &'static str)> {
    TABLE.iter().find_map(|row| {
        let rest = row.0.strip_prefix(name).filter(|_| row.2 & kind != 0 && !name.is_empty())?;
        if rest.is_empty() { Some((row, "")) } else { Some((row, rest.strip_prefix(' ')?)) }
    })
}
