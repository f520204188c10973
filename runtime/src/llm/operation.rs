//! What a model call does.

use crate::label::closed_set;

closed_set! {
    /// The `operation` label of a model call.
    #[doc(hidden)]
    pub Operation {
        /// Not known.
        Unknown = "",
        /// A chat, or a reply of a conversational API.
        Chat = "chat",
        /// A completion of a text.
        Completion = "completion",
        /// Embeddings.
        Embedding = "embedding",
        /// A ranking of documents.
        Rerank = "rerank",
        /// A transcription or translation of speech.
        Transcription = "transcription",
        /// The generation of images.
        Image = "image",
        /// Anything else.
        Other = "other",
    }
}
