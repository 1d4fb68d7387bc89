import { expect, test } from 'vitest';
import { VARIABLES } from '../../src/config/variables.ts';
import { everythingSaid } from '../support/said.ts';
import { MARK, SECRET_SHAPES } from '../support/secret.ts';

const NAMES = VARIABLES.flatMap(({ name, isPerSource }) => (isPerSource ? [name, `${name}_SHOP_B`] : [name]));

test.each(NAMES)('a secret in %s is never shown', (name) => {
  for (const shape of SECRET_SHAPES) expect(everythingSaid({ [name]: shape })).not.toContain(MARK);
});
