"""What run, create, update and clone share: flags as a machine's config document, volumes, images, the first start."""
