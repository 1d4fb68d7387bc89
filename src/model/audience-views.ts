/** How AUDIENCE_VIEWS names tables and views: names between commas; `*` stands for any letters, digits and _. */
export const VIEW_PATTERNS = /^[A-Za-z0-9_*]{1,64}( *, *[A-Za-z0-9_*]{1,64})*$/;

/** True if one of the patterns names the table. */
export function isViewNamed(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) =>
    new RegExp(`^${pattern.replaceAll(/\*+/g, '[A-Za-z0-9_]*')}$`).test(name),
  );
}
