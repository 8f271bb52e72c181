//! Whether messages of this system can reach nobody: then a load generator may send.

use std::net::IpAddr;

use adapters::outgoing::AddressPolicy;

use crate::config::{Config, MailServer};

/// Ports below are those of real mail servers (25, 465, 587), which relay.
const UNPRIVILEGED: u16 = 1_024;

/// Whether all of it goes to sinks: pushes to listed private origins, FCM to one of them or nowhere, mails to files or to a
/// server of this machine that is no relay. By the configuration and not by this instance's roles: others have the rest.
pub(super) fn all_are_sinks(config: &Config, policy: &AddressPolicy) -> bool {
    policy.has_private_origins() && is_fcm_sink(config) && config.mail.server.as_ref().is_none_or(is_mail_sink)
}

fn is_fcm_sink(config: &Config) -> bool {
    let fcm = &config.fcm;
    // Without a base URL it is Google's. What is told to a token service reaches nobody.
    let is_listed = |base: &String| config.push.allowed_private_origins.iter().any(|origin| is_at(base, origin));
    fcm.service_account_file.is_none() || fcm.base_url.as_ref().is_some_and(is_listed)
}

/// Whether a URL is of this origin, as both are written.
fn is_at(url: &str, origin: &str) -> bool {
    let rest = url.strip_prefix(origin.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_mail_sink(server: &MailServer) -> bool {
    let is_own = server.host == "localhost" || server.host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    is_own && server.port >= UNPRIVILEGED
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, Override, load};

    const ORIGIN: &str = "http://127.0.0.1:9001";

    fn is_sink(settings: &[(&str, &str)]) -> bool {
        let set = |key: &str, value: &str| Override { flag: "test".into(), key: key.into(), value: value.into() };
        let mut flags = vec![set("data_dir", "/nowhere"), set("auth.secret", "0123456789abcdef0123456789abcdef")];
        flags.extend(settings.iter().map(|(key, value)| set(key, value)));
        let config = load(&Inputs { file: None, env: std::collections::BTreeMap::new(), flags }).unwrap().config;
        let policy = AddressPolicy::default().with_private_origins(&config.push.allowed_private_origins).unwrap();
        all_are_sinks(&config, &policy)
    }

    #[test]
    fn one_way_to_real_people_is_enough() {
        let push = ("push.allowed_private_origins", ORIGIN);
        let account = ("fcm.service_account_file", "/nowhere/account.json");
        let host = |host| ("mail.host", host);
        assert!(!is_sink(&[]), "push services of browsers");
        assert!(is_sink(&[push]), "no FCM, mails in files");
        assert!(!is_sink(&[push, account]), "Google");
        assert!(!is_sink(&[push, account, ("fcm.base_url", "https://fcm.googleapis.com")]));
        assert!(!is_sink(&[push, account, ("fcm.base_url", "http://127.0.0.1:90019")]), "another port");
        assert!(is_sink(&[push, account, ("fcm.base_url", ORIGIN)]));
        assert!(!is_sink(&[push, host("mail.example.org")]));
        assert!(!is_sink(&[push, host("10.0.0.5"), ("mail.port", "2525")]), "a relay of the network");
        assert!(!is_sink(&[push, host("127.0.0.1"), ("mail.port", "25")]), "a relay of the machine");
        assert!(is_sink(&[push, host("127.0.0.1"), ("mail.port", "2525")]));
        assert!(!is_sink(&[host("127.0.0.1"), ("mail.port", "2525")]), "pushes are real");
    }
}
