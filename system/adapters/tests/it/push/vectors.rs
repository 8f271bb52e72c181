//! RFC 8291 section 5 and appendix A, byte for byte.

use adapters::testing::Receiver;
use adapters::webpush::{EncryptError, Ephemeral, PLAINTEXT_BYTES_MAX, encrypt};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

const PLAINTEXT: &[u8] = b"When I grow up, I want to be a watermelon";
const SENDER_KEY: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
const RECEIVER_KEY: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
const BODY: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    URL_SAFE_NO_PAD.decode(text).unwrap().try_into().unwrap()
}

fn key(text: &str) -> PrivateKey {
    PrivateKey::from_private_key(&ECDH_P256, &bytes::<32>(text)).unwrap()
}

fn ephemeral() -> Ephemeral {
    Ephemeral { key: key(SENDER_KEY), salt: bytes(SALT) }
}

fn receiver() -> Receiver {
    Receiver::with(key(RECEIVER_KEY), bytes(AUTH)).unwrap()
}

#[test]
fn the_body_of_rfc_8291() {
    assert_eq!(receiver().p256dh, bytes(P256DH));
    let body = encrypt(PLAINTEXT, 0, &bytes(P256DH), &bytes(AUTH), &ephemeral()).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.encode(&body), BODY);
}

#[test]
fn the_receiver_of_the_tests_opens_it() {
    assert_eq!(receiver().open(&URL_SAFE_NO_PAD.decode(BODY).unwrap()).unwrap(), (PLAINTEXT.to_vec(), 0));
}

/// The largest body has 4,096 bytes, and one byte more is refused.
#[test]
fn the_largest_message() {
    assert_eq!(PLAINTEXT_BYTES_MAX, 3_993);
    let seal = |length, padding| encrypt(&vec![7; length], padding, &bytes(P256DH), &bytes(AUTH), &ephemeral());
    assert_eq!(seal(PLAINTEXT_BYTES_MAX, 0).unwrap().len(), 4_096);
    assert_eq!(seal(0, PLAINTEXT_BYTES_MAX).unwrap().len(), 4_096);
    assert_eq!(seal(PLAINTEXT_BYTES_MAX, 1), Err(EncryptError::TooLong));
    assert_eq!(seal(1, usize::MAX), Err(EncryptError::TooLong));
}

/// A point that is none, or in another form than the device derives its keys from.
#[test]
fn keys_off_the_curve() {
    let mut off = bytes::<65>(P256DH);
    off[64] ^= 1;
    let mut hybrid = bytes::<65>(P256DH);
    hybrid[0] = 6 + (hybrid[64] & 1);
    let mut infinity = [0; 65];
    infinity[0] = 4;
    for key in [off, hybrid, infinity, [0; 65]] {
        assert_eq!(encrypt(b"x", 0, &key, &bytes(AUTH), &ephemeral()), Err(EncryptError::NoPoint));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_sealed_is_opened(text in prop::collection::vec(any::<u8>(), 0..3_800), padding in 0usize..190, at in any::<prop::sample::Index>()) {
        let receiver = Receiver::new().unwrap();
        let sealed = encrypt(&text, padding, &receiver.p256dh, &receiver.auth, &Ephemeral { key: PrivateKey::generate(&ECDH_P256).unwrap(), salt: [9; 16] });
        let mut body = sealed.unwrap();
        prop_assert_eq!(receiver.open(&body).unwrap(), (text, padding));
        // Any changed byte is noticed, but for those of a record size that stays greater than the record.
        let at = at.index(body.len());
        body[at] ^= 1;
        prop_assert!(receiver.open(&body).is_err() || (16..20).contains(&at));
    }
}
