//! The members of function calls, of a batch result's reply, and of the elements of `data`.

use super::{Container, Field, root};

/// Returns the field of a member of a message's `function_call`. Some servers send the object with
/// an empty name instead of null.
pub(super) fn function_call_member(key: &[u8]) -> Field {
    match key {
        b"name" => Field::ChoiceFunctionName,
        b"arguments" => Field::ChoiceAnswer,
        _ => Field::Ignored,
    }
}

/// Returns the field of a member of a batch result's reply.
pub(super) fn batch_body_member(key: &[u8]) -> Field {
    match key {
        b"usage" => Field::Usage(Container::Response),
        b"model" => Field::Model(Container::Response),
        b"object" | b"choices" | b"status" | b"incomplete_details" | b"output" | b"data" => {
            root::member(key)
        }
        _ => Field::Ignored,
    }
}

/// Returns the field of a member of an element of `data`.
pub(super) fn data_item_member(key: &[u8]) -> Field {
    match key {
        b"object" => Field::DataObject,
        b"url" => Field::DataUrl,
        b"b64_json" => Field::ImageBytes,
        b"relevance_score" => Field::RelevanceScore,
        _ => Field::Ignored,
    }
}
