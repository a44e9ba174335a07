"""`fly launch`: from a folder or an image to an app, a fly.toml and, if wanted, a first deploy.

scanners/ holds what recognises a kind of source; launch.py asks them in order.
"""
