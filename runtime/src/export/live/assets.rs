//! The files of the page, which are part of the program.

/// A file of the page.
pub(super) struct Asset {
    name: &'static str,
    pub(super) content_type: &'static str,
    pub(super) bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const STYLE_SHEET: &str = "text/css; charset=utf-8";
const MODULE: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

macro_rules! asset {
    ($file:literal, $content_type:ident) => {
        asset!($file as $file, $content_type)
    };
    ($file:literal as $name:literal, $content_type:ident) => {
        Asset {
            name: $name,
            content_type: $content_type,
            bytes: include_bytes!(concat!("page/", $file)),
        }
    };
}

const ASSETS: &[Asset] = &[
    asset!("page.html" as "", HTML),
    asset!("live.css", STYLE_SHEET),
    asset!("icon.svg", IMAGE),
    asset!("live.js", MODULE),
    asset!("calls.js", MODULE),
    asset!("canvas.js", MODULE),
    asset!("cells.js", MODULE),
    asset!("charts.js", MODULE),
    asset!("dom.js", MODULE),
    asset!("exceptions.js", MODULE),
    asset!("filter.js", MODULE),
    asset!("format.js", MODULE),
    asset!("heat-map.js", MODULE),
    asset!("history.js", MODULE),
    asset!("notices.js", MODULE),
    asset!("objectives.js", MODULE),
    asset!("requests.js", MODULE),
    asset!("source.js", MODULE),
    asset!("stats.js", MODULE),
    asset!("streams.js", MODULE),
    asset!("table.js", MODULE),
    asset!("tiles.js", MODULE),
    asset!("vectors.js", MODULE),
];

impl Asset {
    /// Returns the file with this name. The page itself has an empty name.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        ASSETS.iter().find(|asset| asset.name == name)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn text_of(asset: &Asset) -> &'static str {
        std::str::from_utf8(asset.bytes).expect("the files are UTF-8")
    }

    #[test]
    fn assets_include_every_file_that_the_page_and_its_modules_name() {
        for module in ASSETS.iter().filter(|asset| asset.content_type == MODULE) {
            for import in text_of(module).lines().filter_map(|line| line.split_once("from \"./")) {
                let (name, _) = import.1.split_once('"').expect("the name ends with a quote");
                assert!(Asset::find(name).is_some(), "{} imports {name}", module.name);
            }
        }
        let page = text_of(Asset::find("").expect("the page"));
        for name in ["live.css", "live.js", "icon.svg"] {
            assert!(page.contains(&format!("\"{name}\"")) && Asset::find(name).is_some());
        }
    }

    #[test]
    fn assets_take_at_most_60_kb_compressed() {
        let compressed = |asset: &Asset| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(asset.bytes).expect("a vector can be written to");
            encoder.finish().expect("a vector can be written to").len()
        };
        let size: usize = ASSETS.iter().map(compressed).sum();
        assert!(size <= 60_000, "{size} bytes");
    }

    #[test]
    fn assets_ask_no_other_server_and_contain_no_inline_code() {
        for asset in ASSETS {
            let text = text_of(asset).replace("http://www.w3.org/", "");
            for forbidden in ["http://", "https://", "style=\"", "onclick=", "innerHTML", "eval("] {
                assert!(!text.contains(forbidden), "{} contains {forbidden}", asset.name);
            }
        }
    }
}
