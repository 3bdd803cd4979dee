// Parameters of the estimators in plain words; their own names stand beside.

const WORDS = {
  learning_rate_init: "Learning rate", lr: "Learning rate", momentum: "Momentum",
  beta_1: "Decay of the mean", beta_2: "Decay of the squares", alpha: "Regularization",
  max_iter: "Epochs", epochs: "Epochs", batch_size: "Batch", random_state: "Seed", solver: "Solver",
  activation: "Activations", n_iter_no_change: "Patience", validation_fraction: "Validation share",
};

/** What a parameter is called, as a label; its own name if there are no other words for it. */
export function wordsFor(name) {
  return WORDS[name] ?? name;
}

/** The same amid a sentence. */
export function wordsAmid(name) {
  const words = wordsFor(name);
  return /^[A-Z][a-z]/.test(words) ? words.charAt(0).toLowerCase() + words.slice(1) : words;
}
