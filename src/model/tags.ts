/** How many tags a device and a filter have at most, and how long a name and a value are: the widths of push_tag. */
export const MAX_TAGS = 20;
export const MAX_TAG_NAME_LENGTH = 64;
export const MAX_TAG_VALUE_LENGTH = 128;
