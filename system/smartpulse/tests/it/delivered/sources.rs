//! Who unsubscribes too often is told so, and nobody else: over real connections, from two addresses of this machine.

use std::net::IpAddr;

use adapters::outgoing::tls_of_platform;
use reqwest::{Client, Method};

use super::served::Served;

const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

/// A client at this address. Each has connections of its own.
fn from(address: &str) -> Client {
    let address: IpAddr = address.parse().unwrap();
    let client = Client::builder().tls_backend_preconfigured(tls_of_platform().unwrap()).no_proxy();
    client.local_address(address).build().unwrap()
}

async fn click(served: &Served, client: &Client) -> u16 {
    let url = served.url("/unsubscribe/0123456789abcdef0123456789abcdef");
    let request = client.post(url).header("content-type", "application/x-www-form-urlencoded").body(ONE_CLICK);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn each_address_has_a_rate_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    // So slow that nothing comes back while the test runs.
    let settings = ["notifications.unsubscribes_per_s=1", "notifications.unsubscribes_burst=200"].map(str::to_owned);
    let served = Served::start(dir.path(), &settings);
    let [one, same, other] = ["127.0.0.1", "127.0.0.1", "127.0.0.2"].map(from);
    let mut taken = 0;
    while click(&served, &one).await == 200 {
        taken += 1;
        assert!(taken < 2_000, "there is no limit");
    }
    assert!(taken >= 200, "{taken}");
    // Another connection of the same address; what comes back in a second is one.
    assert!([click(&served, &same).await, click(&served, &same).await].contains(&429));
    assert_eq!(click(&served, &other).await, 200, "another address");
    // What needs a token is another matter.
    assert_eq!(served.ask(Method::GET, "/api/notifications", None).await.status(), 200);
    served.stop();
}
