/** The script of the page that asks for an API token. */
export const LOGIN_SCRIPT = `'use strict';
(() => {
  const form = document.getElementById('login');
  const input = document.getElementById('token');
  const problem = document.getElementById('problem');
  const button = form.querySelector('button');

  const say = (text) => {
    problem.textContent = text;
    input.setAttribute('aria-invalid', text === '' ? 'false' : 'true');
  };

  const wordsOf = async (reply) => {
    if (reply.status === 401) return 'This is none of the tokens in API_TOKEN.';
    const { detail } = await reply.json().catch(() => ({}));
    return detail || 'The function answered with ' + reply.status + '.';
  };

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    say('');
    button.disabled = true;
    try {
      const reply = await fetch(form.action, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token: input.value }),
        signal: AbortSignal.timeout(30000),
      });
      if (reply.ok) {
        input.value = '';
        location.reload();
        return;
      }
      say(await wordsOf(reply));
    } catch {
      say('No answer. Try again.');
    }
    button.disabled = false;
    input.focus();
  });
})();
`;
