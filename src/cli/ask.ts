import type { Terminal } from './terminal.ts';

/** What a check says about an answer: why it is not valid, or what was found with it. */
export interface Checked {
  readonly isValid: boolean;
  readonly says: string;
}

export interface Question {
  readonly message: string;
  /** Stands in the field until something is typed. */
  readonly placeholder?: string;
  /** Stands in the field as if it had been typed. */
  readonly initial?: string;
  /** Called at each Enter. The question is asked again until the answer is valid. */
  readonly check: (answer: string) => Promise<Checked>;
}

/** Asks a person. A test answers from a list. */
export interface Ask {
  /** Resolves to a valid answer. Throws Interrupted. */
  text(question: Question): Promise<string>;
  /** Throws Interrupted. */
  confirm(message: string, initial: boolean): Promise<boolean>;
  title(text: string): void;
  say(text: string): void;
  warn(text: string): void;
  end(text: string): void;
}

/** Ctrl-C at a question. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Questions on a terminal. The library is loaded here because no other command needs it. */
export async function makeAsk(streams: NonNullable<Terminal['dialog']>): Promise<Ask> {
  const { text, confirm, intro, log, outro, isCancel } = await import('@clack/prompts');
  return {
    async text({ message, placeholder, initial, check }) {
      let found = '';
      const answer = await text({
        ...streams,
        message,
        ...(placeholder === undefined ? {} : { placeholder }),
        ...(initial === undefined ? {} : { initialValue: initial }),
        async validate(value = '') {
          const { isValid, says } = await check(value.trim());
          found = says;
          return isValid ? undefined : says;
        },
      });
      if (isCancel(answer)) throw new Interrupted();
      log.success(found, streams);
      // An empty field gives undefined, whatever the type says.
      return (answer ?? '').trim();
    },
    async confirm(message, initial) {
      const answer = await confirm({ ...streams, message, initialValue: initial });
      if (isCancel(answer)) throw new Interrupted();
      return answer;
    },
    title: (words) => intro(words, streams),
    say: (words) => log.step(words, streams),
    warn: (words) => log.warn(words, streams),
    end: (words) => outro(words, streams),
  };
}
