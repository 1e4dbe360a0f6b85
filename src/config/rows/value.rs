//! What the value of a property may be, and values that were read.

use std::fmt;

use crate::ajp::{DEFAULT_PACKET_SIZE, MAX_PACKET_SIZE};
use crate::lb::{Activation, Method};

/// What a value is, in the file and in a request to the status worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// On or off.
    Bool,
    /// A number of bytes, possibly with k or m.
    Bytes,
    /// A name, an address, or a Unix-domain socket.
    Host,
    /// A number.
    Int,
    /// Words, collected over repeated lines.
    List,
    /// A time in milliseconds.
    Millis,
    /// A text that the original keeps in 64 bytes.
    Name,
    /// A time in seconds.
    Seconds,
    /// Bytes that are never shown.
    Secret,
    /// Text.
    Text,
    /// One of some words.
    Word(&'static Words),
}

/// The words a value may be.
#[derive(Debug)]
pub struct Words {
    /// As the manual and the messages spell them.
    pub names: &'static [&'static str],
    /// Longer forms beside these; a single letter or digit needs none.
    pub other: &'static [&'static str],
    /// How many of the names go by their first letter alone, the first ones.
    pub by_letter: usize,
    /// Reads a word.
    pub read: fn(&str) -> Option<Value>,
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

impl Eq for Words {}

impl Words {
    /// Reads a word as a request sends it. The file's readers look at the first letter; a misspelt
    /// word must not pass here.
    pub fn strictly(&self, text: &str) -> Option<Value> {
        let is_one = |word: &&str| word.eq_ignore_ascii_case(text);
        let is_known = text.len() == 1 || self.names.iter().chain(self.other).any(is_one);
        (self.read)(text).filter(|_| is_known)
    }
}

/// Which numbers a property takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Any from 0; in the file a negative one counts as 0.
    Natural,
    /// From this one; in the file a smaller one counts as it, with a warning.
    AtLeast(u16),
    /// From this one; in the file a smaller one counts as not set.
    SetFrom(u16),
    /// A sum of bits, at most this one.
    Bits(u32),
    /// 0 to 100; another one counts as the nearest.
    Percent,
    /// In the file negative ones as well.
    Signed,
    /// From 0; in the file a negative one is as good as no limit.
    OrEndless,
    /// A port that can be connected to.
    Port,
    /// Bytes of a packet, a multiple of 1024.
    Packet,
}

impl Range {
    /// Returns the least and the largest number that a request may set.
    pub fn limits(self) -> (u32, u32) {
        const MOST: u32 = i32::MAX.unsigned_abs();
        match self {
            Self::Natural | Self::Signed | Self::OrEndless => (0, MOST),
            Self::AtLeast(least) | Self::SetFrom(least) => (least.into(), MOST),
            Self::Bits(all) => (0, all),
            Self::Percent => (0, 100),
            Self::Port => (1, u16::MAX.into()),
            Self::Packet => (8192, 65_536),
        }
    }

    /// Returns what a number of the file counts as; `None` for not set.
    pub fn counts_as(self, number: i32) -> Option<i64> {
        match self {
            Self::Natural => Some(number.max(0).into()),
            Self::AtLeast(least) => Some(i64::from(number).max(least.into())),
            Self::SetFrom(least) => Some(number.into()).filter(|own| *own >= i64::from(least)),
            Self::Bits(_) => Some(number.into()).filter(|own| *own >= 0),
            Self::Percent => Some(number.clamp(0, 100).into()),
            Self::Signed | Self::Port => Some(number.into()),
            Self::OrEndless => Some(u32::try_from(number).unwrap_or(u32::MAX).into()),
            Self::Packet => {
                let size = usize::try_from(number).unwrap_or(0).next_multiple_of(1024);
                Some(size.clamp(DEFAULT_PACKET_SIZE, MAX_PACKET_SIZE) as i64)
            }
        }
    }
}

/// The value of a property; times keep its unit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Value {
    Activation(Activation),
    Flag(bool),
    List(Vec<i32>),
    Method(Method),
    Number(i64),
    Text(String),
    /// Nothing sets it, which is not the same as 0.
    Unset,
    Words(Vec<String>),
}

/// The word for [`Value::Unset`], in answers and in requests.
pub const UNSET: &str = "unset";

impl Value {
    /// Returns the number of the frozen formats, in which 0 stands for unset.
    pub fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            Self::Flag(on) => i64::from(*on),
            _ => 0,
        }
    }

    /// Returns the text of the frozen formats, in which nothing stands for unset.
    pub fn bare(&self) -> String {
        match self {
            Self::Unset => String::new(),
            other => other.to_string(),
        }
    }

    /// Returns the text for people, in which an activation is a word.
    pub fn in_words(&self) -> String {
        match self {
            Self::Activation(activation) => activation.word().to_owned(),
            other => other.to_string(),
        }
    }
}

/// Writes a value so that it reads back as the same value.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Activation(activation) => f.write_str(activation.code()),
            Self::Flag(on) => write!(f, "{on}"),
            Self::List(numbers) => {
                let words: Vec<_> = numbers.iter().map(i32::to_string).collect();
                f.write_str(&words.join(","))
            }
            Self::Method(method) => f.write_str(method.word()),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Unset => f.write_str(UNSET),
            Self::Words(words) => f.write_str(&words.join(",")),
        }
    }
}

impl ValueKind {
    /// What a value of this kind must be, for messages and the manual.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Bytes => "a whole number of bytes",
            Self::Int => "a whole number",
            Self::List => "words separated by commas or blanks",
            Self::Millis => "a whole number of milliseconds",
            Self::Seconds => "a whole number of seconds",
            Self::Host | Self::Name | Self::Secret | Self::Text | Self::Word(_) => "text",
        }
    }

    /// Returns the unit of its numbers; empty for none.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Millis => "ms",
            Self::Seconds => "s",
            _ => "",
        }
    }

    /// Tells whether its values are numbers.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Bytes | Self::Int | Self::Millis | Self::Seconds)
    }

    /// Tells whether it is a time.
    pub fn is_time(self) -> bool {
        matches!(self, Self::Millis | Self::Seconds)
    }
}
