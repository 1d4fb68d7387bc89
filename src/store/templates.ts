import type { MessageTemplate } from '../model/message-template.ts';

/** Templates of messages, by name. */
export interface Templates {
  /** A name that is not known is absent; a template whose row cannot be read is the problem in words. */
  fetchTemplates(
    names: readonly string[],
  ): Promise<Map<string, MessageTemplate | { readonly problem: string }>>;
  /** Adds a template, or puts this one in the place of the one with this name. PushError('BAD_INPUT'). */
  setTemplate(name: string, template: MessageTemplate): Promise<void>;
  /** False if there is none with this name. */
  removeTemplate(name: string): Promise<boolean>;
}
