//! Links in mails lead to something, as the program is without any setting.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::outbox::{USER, forecast, mails};
use super::served::Served;
use crate::running::until;

/// The links of the mails in the folder, as their text parts show them.
fn links(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    // Quoted-printable: a line that goes on ends with a sign of equality.
    let text = |path: PathBuf| std::fs::read_to_string(path).unwrap().replace("=\r\n", "").replace("=\n", "");
    let texts = files.map(text);
    let link = |text: String| {
        let found = text.lines().find_map(|line| line.trim().strip_prefix("Open the forecast: ").map(str::to_owned));
        found.expect("a link")
    };
    texts.map(link).collect()
}

#[tokio::test]
async fn a_mail_leads_to_a_page_of_what_it_is_about() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path(), &[]);
    served.complete(&forecast(1)).await;
    let body = json!({"userId": USER, "title": "Alert", "body": "b", "channels": ["Email"]});
    assert_eq!(served.ask(reqwest::Method::POST, "/api/notifications", Some(&body)).await.status(), 202);
    let folder = dir.path().join("data/outbox");
    until("the mails", || async { folder.exists() && mails(&folder).len() == 2 }).await;
    let links = links(&folder);
    let about = |part: &str| links.iter().find(|link| link.contains(part)).expect("a link to it");
    for (link, shows) in [(about("/forecasts/"), "A forecast"), (about("/notifications"), "Your notifications")] {
        // As a browser comes: without any token.
        let page = served.client().get(link).send().await.unwrap();
        let (status, headers) = (page.status(), page.headers().clone());
        assert_eq!((status.as_u16(), &headers["content-type"]), (200, &"text/html; charset=utf-8".parse().unwrap()));
        assert!(headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
        let text = page.text().await.unwrap();
        assert!(text.contains(&format!("<h1>{shows}</h1>")) && !text.contains("450"), "{link}");
        // What the page asks, with the token that its reader has.
        let api = link.replace("/forecasts/", "/api/forecasts/").replace("/notifications", "/api/notifications");
        assert_eq!(served.client().get(&api).send().await.unwrap().status(), 401);
        let shown = served.client().get(&api).bearer_auth(served.token()).send().await.unwrap();
        assert_eq!(shown.status(), 200, "{api}");
    }
    served.stop();
}
