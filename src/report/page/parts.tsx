/** @jsxRuntime automatic @jsxImportSource preact */
import type { ComponentChildren } from 'preact';
import type { Chart } from './charts.ts';

/** A name of a colour in the style of the page. */
export type Colour = string;

export function Swatch({ colour, kind = '' }: { colour?: Colour; kind?: 'line' | 'dash' | 'dot' | '' }) {
  return (
    <i class={`swatch ${kind}`} style={colour === undefined ? undefined : `background:var(--${colour})`} />
  );
}

export function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** A chart in two sizes, of which the style of the page shows one. It contains no text of a user. */
export function Drawing({ chart }: { chart: Chart }) {
  return (
    <>
      <div class="wide" dangerouslySetInnerHTML={{ __html: chart.wide }} />
      <div class="narrow" dangerouslySetInnerHTML={{ __html: chart.narrow }} />
    </>
  );
}

export interface Slice {
  readonly colour: Colour;
  readonly size: number;
  readonly label: string;
}

/** One bar of several parts. What it says is in the text beside it too. */
export function Bar({ slices }: { slices: readonly Slice[] }) {
  return (
    <div class="bar" aria-hidden="true">
      {slices
        .filter(({ size }) => size > 0)
        .map(({ colour, size, label }) => (
          <i key={label} style={`flex:${size} 0 0;background:var(--${colour})`} title={label} />
        ))}
    </div>
  );
}

/** Text that a person has written: isolated, so that marks of direction in it end with it. */
export function Words({ text, lines }: { text: string; lines?: number }) {
  return (
    <bdi dir="auto" class={lines === undefined ? undefined : `lines${lines}`}>
      {text}
    </bdi>
  );
}
