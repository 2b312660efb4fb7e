"""From documents to answers: chunks, embeddings, a vector store, search."""
