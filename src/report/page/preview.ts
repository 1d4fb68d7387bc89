import type { Content } from '../../model/content.ts';

/** What a phone shows of a message before it is opened. */
export interface Preview {
  readonly title: string;
  readonly body: string;
  readonly hasImage: boolean;
  /** Characters of the title and the body, as a person counts them. */
  readonly titleLength: number;
  readonly bodyLength: number;
}

/** More than any phone shows: longer text is cut here, so that the page stays small. */
const MAX_SHOWN = 600;

const CHARACTERS = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** `previewOf` cuts the text of a message to what the page can need, between characters and not within an emoji. */
export function previewOf({ title, body, image }: Content): Preview {
  const [shownTitle, shownBody] = [cut(title), cut(body)];
  return {
    title: shownTitle.text,
    body: shownBody.text,
    hasImage: image !== null,
    titleLength: shownTitle.length,
    bodyLength: shownBody.length,
  };
}

function cut(text: string): { text: string; length: number } {
  let length = 0;
  let end = text.length;
  for (const { index } of CHARACTERS.segment(text)) {
    if (length === MAX_SHOWN) end = index;
    length++;
  }
  return { text: end < text.length ? `${text.slice(0, end)}…` : text, length };
}
