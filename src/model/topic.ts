import * as z from 'zod';

/** How FCM addresses the subscribers of topics: by one topic, or by a condition over several. */
export const TOPIC_KINDS = ['topic', 'condition'] as const;
export type TopicKind = (typeof TOPIC_KINDS)[number];

/** The subscribers of a topic of FCM, or of a condition. FCM knows them, Baton does not. */
export interface TopicName {
  readonly kind: TopicKind;
  /** The name of the topic, without `/topics/`; or the condition. */
  readonly name: string;
}

/** FCM gives one answer for a topic, and none for its devices. */
export const TOPIC_NOTE =
  'FCM has one answer for the topic and none for its devices: how many got it is not known. FCM sends to the subscribers ' +
  'of a topic more slowly than to devices.';

const NAME_WORDS = 'the name of a topic: 1 to 900 letters, digits or -_.~%';
const CONDITION_WORDS = "a condition such as 'news' in topics && 'sport' in topics, with 1 to 5 topics";

/** Five topics with names of full length, and their operators. */
const MAX_CONDITION_LENGTH = 5000;

/** https://firebase.google.com/docs/cloud-messaging/topic-messaging : a condition has at most five topics. */
const MAX_TOPICS = 5;
const TOPIC_IN_CONDITION = /(['"])[a-zA-Z0-9\-_.~%]+\1\s+in\s+topics\b/g;

/** The name of a topic. FCM also accepts it with the prefix `/topics/`, which is no part of the name. */
export const topicSchema = z
  .string({ error: NAME_WORDS })
  .regex(/^(\/topics\/)?[a-zA-Z0-9\-_.~%]{1,900}$/, { error: NAME_WORDS })
  .transform((name) => name.replace(/^\/topics\//, ''));

/** A condition over topics. FCM itself judges its operators and parentheses. */
export const conditionSchema = z
  .string({ error: CONDITION_WORDS })
  .max(MAX_CONDITION_LENGTH, { error: CONDITION_WORDS })
  .refine(hasTopics, { error: CONDITION_WORDS });

function hasTopics(condition: string): boolean {
  const { length } = condition.match(TOPIC_IN_CONDITION) ?? [];
  // What is no topic is made of operators, parentheses and blanks.
  const rest = condition.replaceAll(TOPIC_IN_CONDITION, '');
  return length > 0 && length <= MAX_TOPICS && /^[\s()&|!]*$/.test(rest);
}
