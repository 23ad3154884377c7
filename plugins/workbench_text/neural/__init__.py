"""Networks for texts, which need torch: what they are called, where they are, and what they do."""

MODELS = {
    "bag-of-embeddings": (
        "workbench_text.neural.scratch:BagOfEmbeddings",
        "the mean of embeddings of words and word n-grams, then a linear layer, as fastText does",
    ),
    "textcnn": (
        "workbench_text.neural.scratch:TextCNN",
        "convolutions over word embeddings and their maxima over the text (Kim 2014)",
    ),
    "bilstm": (
        "workbench_text.neural.scratch:BiLSTM",
        "a bidirectional LSTM over word embeddings, and attention over its states",
    ),
    "transformer": (
        "workbench_text.neural.scratch:Transformer",
        "a small Transformer encoder over word embeddings, from scratch",
    ),
    "pretrained": (
        "workbench_text.neural.pretrained:Pretrained",
        "logistic regression on what an encoder from a local folder makes of the text (--pretrained)",
    ),
    "pretrained-tuned": (
        "workbench_text.neural.tuned:Tuned",
        "an encoder from a local folder, trained on with a linear layer on top (--pretrained)",
    ),
}
"""Name -> (where the class is, what it does)."""
