"""Forward, backward and update, once each; read them in this order."""
