"""The door: scikit-learn's two MLPs, and the notebook's own."""
