"""`fly scale count` in parts: what was asked (pure), the plan (pure), its words (pure), and carrying it out."""
