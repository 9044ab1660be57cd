// Teaching and measuring, as far as they happen in the browser: judgments and selected words on their way to Python,
// question sets read, marks saved. Adds to what page.js lays out.
(() => {
  let pressed = null; // the button whose judgment is on its way
  let meant = null; // the words that go with it
  const send = data => briefqa.send('answers', 'like', data);
  const points = text => [...text].length; // Python counts code points, a browser halves of surrogate pairs

  // ---- the words of the brief that are selected, or found by its search: keys reach those too ----

  function chosen() {
    const text = document.querySelector('#brief .bq-text');
    const selection = getSelection();
    const selected = selection.isCollapsed || !selection.rangeCount ? null : selection.getRangeAt(0);
    const range = text && [selected, briefqa.found()].find(range => range?.intersectsNode(text));
    if (!range) return [];
    return [...text.querySelectorAll('p[data-start]')].map(paragraph => part(paragraph, range)).filter(Boolean);
  }

  // What of a range lies in a paragraph, with its offsets in the text of the brief; nothing where that is blank.
  function part(paragraph, range) {
    if (!range.intersectsNode(paragraph)) return null;
    const inside = range.cloneRange();
    if (!paragraph.contains(inside.startContainer)) inside.setStart(paragraph, 0);
    if (!paragraph.contains(inside.endContainer)) inside.setEnd(paragraph, paragraph.childNodes.length);
    const words = inside.toString();
    if (!words.trim()) return null;
    const before = inside.cloneRange();
    before.setStart(paragraph, 0);
    before.setEnd(inside.startContainer, inside.startOffset);
    const start = Number(paragraph.dataset.start) + points(before.toString());
    return { range: inside, words, start, end: start + points(words) };
  }

  function offer() {
    const button = document.querySelector('[data-words]');
    if (button) button.disabled = !chosen().length;
  }

  // ---- judging ----

  function judge(button) {
    pressed = button;
    meant = null;
    const back = !button.dataset.judge || button.getAttribute('aria-pressed') === 'true';
    send({ at: button.dataset.at, right: back ? null : button.dataset.judge === '1', words: null });
  }

  function judgeWords(button) {
    const parts = chosen();
    pressed = button;
    meant = null;
    if (parts.length > 1) return tell('An answer stands in one paragraph; select words of one.');
    if (!parts.length) return;
    [meant] = parts;
    const brief = button.closest('[data-brief]').dataset.brief;
    send({ at: `${brief}:${meant.start}-${meant.end}`, right: true, words: meant.words });
  }

  // What came of a judgment: shown beside its button, and at the buttons of every answer.
  function judged(told) {
    const { said, failed, judged } = JSON.parse(told);
    for (const button of document.querySelectorAll('#answers [data-judge]')) {
      button.setAttribute('aria-pressed', judged[button.dataset.at] === (button.dataset.judge === '1'));
    }
    tell(said);
    const back = document.querySelector('#brief [data-judge=""]');
    if (!back || failed) return;
    const brief = back.dataset.at.split(':')[0];
    const kept = Object.keys(judged).some(at => at.startsWith(`${brief}:`));
    if (pressed === back) document.querySelector('[data-words]').focus();
    back.hidden = !kept;
    CSS.highlights?.set('bq-right', new Highlight(...(kept && meant ? [meant.range] : [])));
  }

  function tell(words) {
    for (const output of document.querySelectorAll('.bq-taught')) output.textContent = '';
    const output = pressed?.closest('.bq-item, .bq-answer, .bq-tools')?.querySelector('.bq-taught');
    if (output) output.textContent = words;
  }

  function forgotten() {
    requestAnimationFrame(() => {
      const list = document.querySelector('#marks details');
      if (list) list.open = true;
      document.querySelector('#marks summary, #marks-download')?.focus();
    });
  }

  // ---- files ----

  function save(text) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    link.download = 'marks.json';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  async function read(input) {
    const [file] = input.files;
    const output = input.closest('.block, div').querySelector('output');
    output.textContent = '';
    if (!file) return;
    try {
      if (file.size > Number(input.dataset.most)) throw new Error('is larger than 5 MB; measure it with: briefqa eval');
      const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
      briefqa.send('measure-file', 'upload', { name: file.name, text });
    } catch (error) {
      output.textContent = `${file.name} ${error instanceof TypeError ? 'is no text in UTF-8.' : `${error.message}.`}`;
    }
    input.value = ''; // so that the same file can be chosen again, mended
  }

  // ---- listeners ----

  document.addEventListener('click', event => {
    const from = selector => event.target.closest?.(selector);
    if (from('[data-judge]')) judge(from('[data-judge]'));
    else if (from('[data-words]')) judgeWords(from('[data-words]'));
    else if (from('[data-forget]')) {
      const { forget, question } = from('[data-forget]').dataset;
      briefqa.send('marks', 'delete', { brief: forget, question });
    }
  });
  // A press would take the selection away before it is read.
  document.addEventListener('mousedown', event => {
    if (event.target.closest?.('[data-words]')) event.preventDefault();
  });
  document.addEventListener('change', event => {
    if (event.target.matches('#measure-file input')) read(event.target);
  });
  for (const name of ['selectionchange', 'input', 'keyup']) document.addEventListener(name, offer);

  Object.assign(briefqa, { judged, forgotten, save });
})();
