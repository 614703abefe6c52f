"""A trained model on photos, folders, videos and cameras: sources in, results out."""
