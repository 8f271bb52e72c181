//! What Python's email package makes of a message.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::python;

/// A message, read.
pub(crate) struct Read(Value);

/// Reads the message in `file`; `None` without Python. A message with a defect fails the test.
pub(crate) fn read(file: &Path) -> Option<Read> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mail/parts/read_mail.py");
    let output = Command::new(python()?).arg(script).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["defects"], serde_json::json!([]), "{}", std::fs::read_to_string(file).unwrap());
    assert_eq!(value["ascii"], true);
    assert!(value["longest"].as_u64().unwrap() <= 998, "RFC 5322, 2.1.1");
    Some(Read(value))
}

impl Read {
    /// All values of a header.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let all = self.0["headers"].as_array().unwrap();
        all.iter().filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap()).collect()
    }

    /// The names of all headers.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.0["headers"].as_array().unwrap().iter().map(|pair| pair[0].as_str().unwrap()).collect()
    }

    /// Name and address of each recipient (`to`) or author (`from`).
    pub(crate) fn people(&self, who: &str) -> Vec<(&str, &str)> {
        let all = self.0[who].as_array().unwrap();
        all.iter().map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect()
    }

    pub(crate) fn date(&self) -> &str {
        self.0["date"].as_str().unwrap()
    }

    /// The media types of all parts, in their order.
    pub(crate) fn types(&self) -> Vec<&str> {
        self.0["parts"].as_array().unwrap().iter().map(|part| part["type"].as_str().unwrap()).collect()
    }

    /// Name and bytes of the part with this number.
    pub(crate) fn part(&self, number: usize) -> (Option<&str>, Vec<u8>) {
        let part = &self.0["parts"][number];
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, part["bytes"].as_str().unwrap());
        (part["name"].as_str(), bytes.unwrap())
    }

    /// The text of the part with this number, its lines ended by LF.
    pub(crate) fn text(&self, number: usize) -> String {
        String::from_utf8(self.part(number).1).unwrap().replace("\r\n", "\n")
    }
}
