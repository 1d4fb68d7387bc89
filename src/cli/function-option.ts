import { named, type Option } from './options.ts';

/** https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html */
const FUNCTION_NAME =
  /^(arn:aws[a-z-]*:lambda:)?([a-z0-9-]{1,32}:)?(\d{12}:)?(function:)?[\w-]{1,64}(:(\$LATEST|[\w-]{1,128}))?$/;

/** `functionOption` is the option whose value is the name of a Lambda function. */
export function functionOption(help: string): Option<string | null> {
  return named('NAME', help, {
    isValid: (value) => FUNCTION_NAME.test(value),
    expected: 'the name of a Lambda function, NAME:ALIAS, or an ARN',
    fallback: null,
  });
}
