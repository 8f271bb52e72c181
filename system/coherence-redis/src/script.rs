//! The scripts. Each is known by its hash; a server that lost them (a restart, a new master) gets the text again.

use std::sync::LazyLock;

use redis::Cmd;

/// One script with its text and its hash.
pub(crate) struct Step {
    text: &'static str,
    hash: String,
}

macro_rules! steps {
    ($($name:ident = $file:literal;)*) => {
        $(
            pub(crate) static $name: LazyLock<Step> = LazyLock::new(|| {
                let text = concat!(include_str!("../scripts/prelude.lua"), include_str!(concat!("../scripts/", $file)));
                Step { text, hash: redis::Script::new(text).get_hash().to_owned() }
            });
        )*
    };
}

steps! {
    GET = "get.lua";
    FILL = "fill.lua";
    RAISE = "raise.lua";
    WRITE = "write.lua";
    DROP = "drop.lua";
    CLAIM = "claim.lua";
    PUBLISH = "publish.lua";
    ANNOUNCE = "announce.lua";
    REPLAY = "replay.lua";
    KEEP_ONCE = "keep_once.lua";
    TAKE_ONCE = "take_once.lua";
}

/// How a script is named to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// By its hash: what is tried first.
    Hash,
    /// By its text, after which its hash is known there too.
    Text,
}

impl Step {
    /// The command that runs it.
    pub(crate) fn command(&self, by: By, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
        let mut command = match by {
            By::Hash => redis::cmd("EVALSHA").arg(&self.hash).take(),
            By::Text => redis::cmd("EVAL").arg(self.text).take(),
        };
        command.arg(keys.len()).arg(keys);
        for argument in arguments {
            command.arg(*argument);
        }
        command
    }
}
