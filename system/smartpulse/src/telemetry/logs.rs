//! Logs as the configuration wants them.

use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::config::{LogConfig, LogFormat};

/// The subscriber of the configuration, writing to `writer`. `colours` only matters for text.
///
/// # Errors
/// `log.level` is not a filter; the configuration checks it earlier.
pub fn subscriber<W>(
    config: &LogConfig,
    writer: W,
    colours: bool,
) -> Result<Box<dyn Subscriber + Send + Sync>, tracing_subscriber::filter::ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // The record of operators' orders is no matter of verbosity.
    let audit = format!("{}=info", crate::http::admin::audit::TARGET).parse()?;
    let filter = EnvFilter::try_new(&config.level)?.add_directive(audit);
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match config.format {
        LogFormat::Text => fmt::layer().with_writer(writer).with_ansi(colours).boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(writer).boxed(),
    };
    Ok(Box::new(Registry::default().with(layer.with_filter(filter))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: &str) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let config = LogConfig { format, level: level.to_owned(), requests: false };
        let subscriber = subscriber(&config, move || writer.clone(), false).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(request_id = "a-1", "hello");
            tracing::debug!("not this");
        });
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_is_one_object_per_line_with_its_fields() {
        let text = logged(LogFormat::Json, "info");
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!((line["message"].as_str(), line["request_id"].as_str()), (Some("hello"), Some("a-1")));
    }

    #[test]
    fn the_level_filters() {
        assert!(logged(LogFormat::Text, "info").contains("hello"));
        assert_eq!(logged(LogFormat::Text, "warn"), "");
        assert!(logged(LogFormat::Text, "debug").contains("not this"));
    }
}
