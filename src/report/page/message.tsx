/** @jsxRuntime automatic @jsxImportSource preact */
import type { Content } from '../../model/content.ts';
import { countOf } from '../../words.ts';
import { Section, Words } from './parts.tsx';
import { previewOf, type Preview } from './preview.ts';

/** The message as phones cut it before it is opened. */
export function Message({ content, source }: { content: Content; source: string }) {
  const preview = previewOf(content);
  return (
    <Section title="The message">
      <p class="note">
        About as phones cut it: the title after one line, the text after one line on Android until it is
        pulled down, and after four lines on iOS. Title {countOf(preview.titleLength, 'character')}, text{' '}
        {countOf(preview.bodyLength, 'character')}.
      </p>
      <div class="phones">
        <div>
          <h3>Android</h3>
          <div class="screen">
            <Push preview={preview} lines={1} app={`${source} · now`} />
            <Push preview={preview} lines={8} app={`${source} · pulled down`} hasPicture={preview.hasImage} />
          </div>
        </div>
        <div>
          <h3>iOS</h3>
          <div class="screen ios">
            <Push preview={preview} lines={4} app="now" hasPicture={preview.hasImage} />
          </div>
        </div>
      </div>
    </Section>
  );
}

interface PushProps {
  readonly preview: Preview;
  /** Lines of the text. */
  readonly lines: number;
  readonly app: string;
  readonly hasPicture?: boolean;
}

function Push({ preview, lines, app, hasPicture = false }: PushProps) {
  return (
    <div class="push">
      <i class="icon" />
      <div>
        <div class="app">{app}</div>
        <div class="title">
          <Words text={preview.title} lines={1} />
        </div>
        <Words text={preview.body} lines={lines} />
      </div>
      {hasPicture && <div class="picture">the picture</div>}
    </div>
  );
}
