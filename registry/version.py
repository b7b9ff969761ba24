"""What the head of a registry file says: by these it is known for one, and of which schema."""

SCHEMA = 2
APPLICATION_ID = 0x42594C4E  # "BYLN": what `pragma application_id` says of a registry
PAGE_BYTES = 4096
