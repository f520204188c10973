//! Programs that must compile without a warning and run: the files in `<attribute>/pass`.
//!
//! The programs are modules of one test binary, because linking each of them separately takes
//! minutes. Programs that need a crate or a process of their own are test targets in `Cargo.toml`.

/// Declares a test for each program, which runs the program's `main`.
macro_rules! run {
    ($($program:ident),* $(,)?) => {$(
        #[test]
        fn $program() {
            super::$program::main();
        }
    )*};
}

mod exception_type {
    #[path = "pass/shapes.rs"]
    mod shapes;

    mod run {
        run! { shapes }
    }
}

mod instrument_endpoint {
    #[path = "pass/argument_attributes.rs"]
    mod argument_attributes;
    #[path = "pass/borrows.rs"]
    mod borrows;
    #[path = "pass/early_return.rs"]
    mod early_return;
    #[path = "pass/generics.rs"]
    mod generics;
    #[path = "pass/handlers.rs"]
    mod handlers;
    #[path = "pass/inner_attributes.rs"]
    mod inner_attributes;
    #[path = "pass/methods.rs"]
    mod methods;
    #[path = "pass/no_prelude.rs"]
    mod no_prelude;
    #[path = "pass/opaque_reply.rs"]
    mod opaque_reply;
    #[path = "pass/other_attributes.rs"]
    mod other_attributes;
    #[path = "pass/patterns.rs"]
    mod patterns;
    #[path = "pass/send.rs"]
    mod send;
    #[path = "pass/shadowed_names.rs"]
    mod shadowed_names;
    #[path = "pass/stacked_on_media_type.rs"]
    mod stacked_on_media_type;
    #[path = "pass/stacked_on_response.rs"]
    mod stacked_on_response;
    #[path = "pass/stacked_on_sse.rs"]
    mod stacked_on_sse;
    #[path = "pass/stacked_on_stream.rs"]
    mod stacked_on_stream;
    #[path = "pass/unit.rs"]
    mod unit;
    #[path = "pass/unsafe_functions.rs"]
    mod unsafe_functions;

    mod run {
        run! {
            argument_attributes, borrows, early_return, generics, handlers, inner_attributes,
            methods, no_prelude, opaque_reply, other_attributes, patterns, send, shadowed_names,
            stacked_on_media_type, stacked_on_response, stacked_on_sse, stacked_on_stream, unit,
            unsafe_functions,
        }
    }
}

mod streaming_metrics {
    #[path = "pass/boxed.rs"]
    mod boxed;
    #[path = "pass/in_result.rs"]
    mod in_result;
    #[path = "pass/macro_rules.rs"]
    mod macro_rules;
    #[path = "pass/media_type.rs"]
    mod media_type;
    #[path = "pass/media_type_events.rs"]
    mod media_type_events;
    #[path = "pass/media_type_heads.rs"]
    mod media_type_heads;
    #[path = "pass/media_type_inferred.rs"]
    mod media_type_inferred;
    #[path = "pass/model.rs"]
    mod model;
    #[path = "pass/opaque.rs"]
    mod opaque;
    #[path = "pass/protocol.rs"]
    mod protocol;
    #[path = "pass/responses.rs"]
    mod responses;
    #[path = "pass/return_types.rs"]
    mod return_types;

    mod run {
        run! {
            boxed, in_result, macro_rules, media_type, media_type_events, media_type_inferred,
            media_type_heads, model, opaque, protocol, responses, return_types,
        }
    }
}

mod token_usage {
    #[path = "pass/flatten.rs"]
    mod flatten;
    #[path = "pass/generics.rs"]
    mod generics;
    #[path = "pass/inferred_bounds.rs"]
    mod inferred_bounds;
    #[path = "pass/nested.rs"]
    mod nested;
    #[path = "pass/structs.rs"]
    mod structs;
    #[path = "pass/uncached.rs"]
    mod uncached;

    mod run {
        run! { flatten, generics, inferred_bounds, nested, structs, uncached }
    }
}

mod track_tokens {
    #[path = "pass/handlers.rs"]
    mod handlers;
    #[path = "pass/labels.rs"]
    mod labels;
    #[path = "pass/macro_rules.rs"]
    mod macro_rules;
    #[path = "pass/protocol.rs"]
    mod protocol;
    #[path = "pass/replies.rs"]
    mod replies;
    #[path = "pass/streams.rs"]
    mod streams;

    mod run {
        run! { handlers, labels, macro_rules, protocol, replies, streams }
    }
}
