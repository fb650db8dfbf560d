//! The web UI as it is built: the page and its assets, embedded in the program.
//!
//! `dist` is the output of the build in `web` and is committed. Every asset has a hash in its name, so an answer
//! with one may be kept for ever. The page has two placeholders ([`NONCE`], [`BASE`]) that are replaced for each answer. This crate
//! knows no HTTP; `weft-server` answers with what is here.

mod asset;

pub use asset::{Asset, Encoding};

/// Where the page has the nonce of its styles.
pub const NONCE: &str = "__WEFT_NONCE__";
/// Where the page has the path that the UI is served under: it begins and ends with a slash.
pub const BASE: &str = "__WEFT_BASE__";
/// The page's name among the files.
const PAGE: &str = "index.html";

// `ASSETS`: every file, sorted by name.
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The asset at a path relative to the base, such as `assets/index-4f2a.js`; the page is none.
pub fn asset(path: &str) -> Option<&'static Asset> {
    assets().find(|asset| asset.path() == path)
}

/// Every asset.
pub fn assets() -> impl Iterator<Item = &'static Asset> {
    ASSETS.iter().filter(|asset| asset.path() != PAGE)
}

/// The page for a base path and a nonce. Both consist of characters that need no escaping in HTML, which the caller ensures.
pub fn page(base: &str, nonce: &str) -> Option<String> {
    let page = ASSETS.iter().find(|asset| asset.path() == PAGE)?;
    let text = std::str::from_utf8(page.plain()?).ok()?;
    Some(text.replace(NONCE, nonce).replace(BASE, base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_there_and_its_placeholders_are_replaced() {
        let page = page("/weft/", "n0nce").expect("dist has a page");
        assert!(page.to_ascii_lowercase().starts_with("<!doctype html>"));
        assert!(!page.contains("__WEFT_"), "{page}");
        assert!(page.contains("n0nce") && page.contains("/weft/"), "{page}");
    }

    #[test]
    fn the_page_names_nothing_from_elsewhere_and_has_no_script_of_its_own() {
        let page = page("/", "n").expect("dist has a page");
        for address in ["=\"http", "=\"//", "url("] {
            assert!(
                !page.contains(address),
                "an address of another host: {page}"
            );
        }
        for tag in page.split("<script").skip(1) {
            let end = tag.find("</script>").expect("a script is closed");
            let open = tag.find('>').expect("a tag is closed");
            assert_eq!(
                tag[open + 1..end].trim(),
                "",
                "the policy refuses inline scripts"
            );
        }
    }

    #[test]
    fn every_asset_can_be_read_and_has_a_known_type() {
        for asset in assets() {
            assert!(asset.plain().is_some(), "{}", asset.path());
            assert_ne!(
                asset.content_type(),
                "application/octet-stream",
                "{}",
                asset.path()
            );
        }
        assert!(asset(PAGE).is_none());
        assert!(asset("../Cargo.toml").is_none());
    }
}
