import type { Terminal } from './terminal.ts';

/** Result of a check of an answer. */
export interface Checked {
  readonly isValid: boolean;
  /** If the answer is valid, what it leads to, such as the name of a project; otherwise why it is not valid. */
  readonly says: string;
}

export interface Question {
  readonly message: string;
  /** Text that the empty field shows; typing replaces it. */
  readonly placeholder?: string;
  /** Text that the field holds at the start, as if it had been typed. */
  readonly initial?: string;
  /** `check` runs at each Enter; the field stays open until the answer is valid. */
  readonly check: (answer: string) => Promise<Checked>;
}

/** `Ask` puts questions to a person; a test answers from a list. */
export interface Ask {
  /** `text` resolves to a valid answer. Throws Interrupted. */
  text(question: Question): Promise<string>;
  /** `confirm` resolves to true for yes. Throws Interrupted. */
  confirm(message: string, initial: boolean): Promise<boolean>;
  title(text: string): void;
  say(text: string): void;
  warn(text: string): void;
  end(text: string): void;
}

/** `Interrupted` says that the person pressed Ctrl-C at a question. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** `makeAsk` asks on a terminal. It loads the library itself, because few commands ask. */
export async function makeAsk(streams: NonNullable<Terminal['dialog']>): Promise<Ask> {
  const { text, confirm, intro, log, outro, isCancel } = await import('@clack/prompts');
  return {
    async text({ message, placeholder, initial, check }) {
      let says = '';
      const answer = await text({
        ...streams,
        message,
        ...(placeholder === undefined ? {} : { placeholder }),
        ...(initial === undefined ? {} : { initialValue: initial }),
        async validate(value = '') {
          const result = await check(value.trim());
          says = result.says;
          return result.isValid ? undefined : says;
        },
      });
      if (isCancel(answer)) throw new Interrupted();
      log.success(says, streams);
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
