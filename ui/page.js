// What happens in the browser alone: keys, the address, marks and search in the brief, copying. Python answers and
// renders; it is reached only through the listeners that ui/app.py attaches, by `connect`.
window.briefqa = (() => {
  const FIELDS = ['q', 'after', 'before', 'author', 'kind', 'topic', 'only']; // in the order of Python's inputs
  const CHOSEN = ['author', 'kind', 'topic']; // those of them that are chosen from a list
  const triggers = {}; // name of a part of the page → sends an event of it to Python
  const find = selector => document.querySelector(selector);
  const questionBox = () => find('#question textarea, #question input');

  // ---- the address: what is asked (FIELDS), and which brief is open (brief, c) ----

  let shown = ''; // the asking part of the address whose reply is on the page
  let plan = null; // the address being restored, until all of it is done
  let recalled = []; // questions asked, oldest first
  let turns = 0; // questions sent
  let answeredTurn = 0; // the last of them that was answered

  const read = () => new URLSearchParams(location.search);

  function askingPart(params) {
    const part = new URLSearchParams();
    for (const name of FIELDS) if (params.get(name)?.trim()) part.set(name, params.get(name).trim());
    return part.get('q') ? part.toString() : '';
  }

  function push(query) {
    if (new URLSearchParams(query).toString() === read().toString()) return;
    history.pushState(null, '', query ? `?${query}` : location.pathname);
  }

  function withBrief(target) {
    const params = new URLSearchParams(askingPart(read()));
    params.set('brief', target.split(':')[0]);
    if (target.includes(':')) params.set('c', target);
    return params.toString().replaceAll('%3A', ':');
  }

  function target(params) {
    return params.get('c') || params.get('brief') || '';
  }

  function go(search) {
    push(search.replace(/^\?/, ''));
    restore();
  }

  function restore() {
    triggers.masthead('click'); // fills the fields, then calls `filled`
  }

  // The question and the filters of the address, for the fields; nothing where they stand there already.
  function fields() {
    plan = read();
    if (askingPart(plan) === shown && !plan.get('only')) return undefined;
    return FIELDS.map(name => plan.get(name) || (CHOSEN.includes(name) ? null : ''));
  }

  function filled() {
    const part = askingPart(plan || read());
    if (part && part !== shown) {
      find('#ask-button').click();
      return;
    }
    if (!part && shown) triggers.masthead('clear');
    shown = part;
    title(part && plan.get('q'));
    settle();
  }

  // Last part of restoring an address: the brief it names is opened, or the one that is open closed.
  function settle() {
    const open = plan && target(plan);
    const close = plan && !open && find('#reader-close');
    plan = null;
    if (open) triggers.answers('click', { open });
    if (close) close.click();
  }

  function answered(turn) {
    if (turn !== turns) return; // dropped: a later one is on its way
    answeredTurn = turn;
    const reply = find('#answers .bq-words, #answers .bq-verdict, #answers .bq-error');
    if (reply) say(reply.textContent, 'bq-told');
    tellAsked();
    settle();
  }

  // A question that was read otherwise (misspelt, or leaning on the one before) is in the address as it was read, so
  // that the link means the same without what went before.
  function tellAsked() {
    const asked = find('#answers .bq-reply')?.dataset.asked;
    const params = read();
    if (!asked || !params.get('q') || params.get('q').trim() === asked) return;
    params.set('q', asked);
    history.replaceState(null, '', `?${params.toString().replaceAll('%3A', ':')}`);
    shown = askingPart(params);
  }

  function asking(newest, turn, before, ...values) {
    const params = new URLSearchParams(FIELDS.map((name, i) => [name, values[i] || '']));
    const part = askingPart(params);
    if (!plan || askingPart(plan) !== part) {
      plan = null;
      if (part) push(part);
    }
    shown = part;
    if (part) recalled = [...recalled.filter(question => question !== values[0]), values[0]];
    title(part && values[0]);
    turns += 1;
    if (turns > answeredTurn + 1) triggers.answers('stop', { turn: turns }); // what is on its way is not wanted
    return [newest, turns, before, ...values];
  }

  function title(question) {
    document.title = question ? `${question} · BriefQA` : 'BriefQA';
  }

  // Says to a screen reader whether the filters are open, which gradio leaves out.
  function tellFilters() {
    const button = find('#filters > button');
    button?.setAttribute('aria-expanded', button.classList.contains('open'));
  }

  // ---- the brief ----

  let opener = null; // what had the focus when the brief was opened
  const marks = () => [...document.querySelectorAll('#brief .bq-brief mark')];

  // Two frames: in the first the brief is put into the page, in the second it has its place.
  function opened() {
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const reader = find('#reader');
      const at = document.getElementById('cited') || find('#reader-close');
      if (!reader || !at) return;
      if (!reader.contains(document.activeElement)) opener = document.activeElement;
      visit(at);
    }));
  }

  // Comes into view and has the focus, so that a screen reader goes on from there. Who went on to type meanwhile
  // keeps the focus: the keys would go astray.
  function visit(at) {
    const reader = find('#reader');
    const scrolls = getComputedStyle(reader).overflowY === 'auto'; // on a phone, the page does instead
    if (scrolls) reader.scrollTop += at.getBoundingClientRect().top - reader.getBoundingClientRect().top - reader.clientHeight / 3;
    at.scrollIntoView({ block: scrolls ? 'nearest' : 'center' });
    if (!document.activeElement.matches('input, textarea')) at.focus({ preventScroll: true });
    const all = marks();
    all.forEach(mark => mark.classList.toggle('here', mark === at));
    const bar = find('#brief .bq-marks');
    if (!bar) return;
    bar.hidden = all.length < 2;
    const n = all.indexOf(at) + 1;
    bar.querySelector('output').textContent = n ? `${n} of ${all.length}` : `${all.length} marks`;
  }

  function step(by) {
    const all = marks();
    const at = all.findIndex(mark => mark.classList.contains('here'));
    if (all.length) visit(all[(at + by + all.length) % all.length]);
  }

  function showSheet() {
    requestAnimationFrame(() => requestAnimationFrame(() => {
      find('#sheet dialog')?.showModal();
      find('#sheet .bq-printed span')?.scrollIntoView({ block: 'center' });
    }));
  }

  function closed() {
    if (!plan) push(askingPart(read()));
    if (opener?.isConnected) opener.focus();
  }

  function askOnly(id) {
    const params = new URLSearchParams(askingPart(read()) || { q: questionBox().value });
    params.set('only', id);
    params.set('brief', id);
    go(params.toString());
    questionBox().focus();
  }

  // Search in the brief: ranges painted by the browser, so that the text and its marks stay untouched.
  let ranges = [];
  let current = -1;

  function search(box) {
    const words = box.value.trim().replace(/[\\^$.*+?()[\]{}|\/-]/g, '\\$&').replace(/\s+/g, '\\s+');
    ranges = [];
    current = -1;
    for (const paragraph of words ? document.querySelectorAll('#brief .bq-text p') : []) {
      const nodes = textNodes(paragraph);
      const text = nodes.map(node => node.data).join('');
      for (const match of text.matchAll(new RegExp(words, 'giv'))) {
        ranges.push(rangeIn(nodes, match.index, match.index + match[0].length));
      }
    }
    paint(box);
  }

  function textNodes(element) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    const nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    return nodes;
  }

  function rangeIn(nodes, start, end) {
    const range = new Range();
    let before = 0;
    for (const node of nodes) {
      if (start >= before && start < before + node.length) range.setStart(node, start - before);
      if (end > before && end <= before + node.length) range.setEnd(node, end - before);
      before += node.length;
    }
    return range;
  }

  function paint(box) {
    CSS.highlights?.set('bq-found', new Highlight(...ranges));
    CSS.highlights?.set('bq-current', new Highlight(...(current < 0 ? [] : [ranges[current]])));
    box.parentElement.querySelector('output').textContent =
      !box.value.trim() ? '' : !ranges.length ? 'none' : current < 0 ? ranges.length : `${current + 1} of ${ranges.length}`;
  }

  function nextFound(box, by) {
    if (!ranges.length) return;
    current = (current + by + ranges.length + (current < 0 && by < 0 ? 1 : 0)) % ranges.length;
    paint(box);
    ranges[current].startContainer.parentElement.scrollIntoView({ block: 'center' });
  }

  // ---- the library ----

  // Shows the rows in which every word occurs.
  function narrow(box) {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...document.querySelectorAll('.bq-library tbody tr')];
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
    }
    const caption = find('.bq-library caption');
    const left = rows.filter(row => !row.hidden).length;
    caption.textContent = words.length ? `${left.toLocaleString('en')} of ${caption.dataset.all}` : caption.dataset.all;
  }

  // By one column, the other way round when it is that already; what has nothing in the column comes last.
  function sort(button) {
    const column = Number(button.dataset.sort);
    const down = button.closest('th').getAttribute('aria-sort') === 'ascending';
    const key = row => {
      const cell = row.cells[column];
      return cell.querySelector('time')?.dateTime ?? (column === 1 ? '' : cell.textContent.trim());
    };
    const body = find('.bq-library tbody');
    const rows = [...body.rows].map(row => [key(row), row]).sort(([a], [b]) =>
      !a || !b ? !a - !b : (down ? -1 : 1) * a.localeCompare(b, undefined, { numeric: true }));
    body.append(...rows.map(([, row]) => row));
    for (const th of button.closest('tr').cells) th.removeAttribute('aria-sort');
    button.closest('th').setAttribute('aria-sort', down ? 'descending' : 'ascending');
  }

  // ---- adding and removing briefs ----

  // Sends files to Python: name and content or, of one that is too much for one go or no file, the name alone.
  async function add(files) {
    let room = Number(find('.bq-adding').dataset.most);
    const offered = [];
    for (const file of files) {
      const fits = file.size <= room;
      if (fits) room -= file.size;
      offered.push({ name: file.name, content: fits ? await base64(file) : null });
    }
    if (offered.length) triggers.adding('submit', { offered });
  }

  function base64(file) {
    return new Promise(done => {
      const reader = new FileReader();
      reader.onload = () => done(reader.result.split(',')[1] ?? '');
      reader.onerror = () => done(null); // a folder
      reader.readAsDataURL(file);
    });
  }

  // A text is a file like others; without a name, it is called by its first line.
  function pasted(form) {
    const { name, text } = Object.fromEntries(new FormData(form));
    const called = name.trim() || text.trim().split('\n')[0].replace(/^#+/, '').trim().slice(0, 100);
    add([new File([text], /\.(txt|md)$/i.test(called) ? called : `${called}.txt`)]);
  }

  function added() {
    if (find('#added .bq-done')) {
      find('.bq-paste form').reset();
      find('.bq-paste').open = false;
    }
    say(find('#added').textContent, 'bq-told');
  }

  function removed() {
    const gone = find('#brief .bq-gone');
    if (gone) push(askingPart(read()));
    gone?.focus();
  }

  const carriesFiles = event => event.dataTransfer?.types.includes('Files') && find('.bq-adding')?.checkVisibility();

  // Files may be dropped anywhere on the library; the browser would open them otherwise.
  for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop']) {
    document.addEventListener(kind, event => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      const away = kind === 'drop' || (kind === 'dragleave' && !event.relatedTarget);
      find('.bq-adding').classList.toggle('over', !away);
      if (kind === 'drop') add(event.dataTransfer.files);
    });
  }

  document.addEventListener('change', event => {
    if (!event.target.matches('.bq-drop input')) return;
    add([...event.target.files]);
    event.target.value = '';
  });

  document.addEventListener('submit', event => {
    if (!event.target.matches('.bq-paste form')) return;
    event.preventDefault();
    pasted(event.target);
  });

  document.addEventListener('close', event => { // of a dialog; it does not bubble
    if (event.target.returnValue === 'remove') triggers.brief('delete', { id: event.target.dataset.brief });
  }, true);

  // ---- copying ----

  async function copy(text, button) {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // no clipboard for a page that is not on this machine and not encrypted
      const area = Object.assign(document.createElement('textarea'), { value: text });
      document.body.append(area);
      area.select();
      document.execCommand('copy');
      area.remove();
    }
    say('Copied', 'bq-said');
    button.closest('details')?.removeAttribute('open');
  }

  // Tells those who listen to the page; with the id `bq-said`, those who look at it too.
  function say(words, id) {
    const said = document.getElementById(id) || document.body.appendChild(
      Object.assign(document.createElement('div'), { id, role: 'status' }));
    said.textContent = words;
    clearTimeout(said.clearing);
    said.clearing = setTimeout(() => { said.textContent = ''; }, 2000);
  }

  // ---- listeners ----

  document.addEventListener('click', event => {
    const from = selector => event.target.closest?.(selector);
    const plainClick = !(event.ctrlKey || event.metaKey || event.shiftKey || event.button);
    const link = from('a[href^="?"]');
    if (from('[data-copy]')) copy(from('[data-copy]').dataset.copy, from('[data-copy]'));
    else if (link && plainClick) {
      event.preventDefault();
      if ('copyLink' in link.dataset) copy(link.href, link);
      else go(link.getAttribute('href'));
    } else if (from('[data-sort]')) sort(from('[data-sort]'));
    else if (from('[data-narrow]')) {
      const box = find('.bq-narrow');
      const words = from('[data-narrow]').dataset.narrow;
      box.value = box.value === words ? '' : words; // once more: all of them again
      narrow(box);
    } else if (from('[data-do]')) {
      const what = from('[data-do]').dataset.do;
      if (what === 'next') step(1);
      if (what === 'previous') step(-1);
      if (what === 'print') window.print();
      if (what === 'sheet') triggers.brief('expand', { cited: from('[data-do]').dataset.cited });
      if (what === 'remove') find('#brief .bq-dialog').showModal();
      if (what === 'only') askOnly(from('[data-brief]').dataset.brief);
    }
    if (from('#filters > button')) requestAnimationFrame(tellFilters);
    for (const menu of document.querySelectorAll('.bq-copy[open]')) if (!menu.contains(event.target)) menu.open = false;
  });

  document.addEventListener('input', event => {
    if (event.target.matches('.bq-find')) search(event.target);
    if (event.target.matches('.bq-narrow')) narrow(event.target);
  });

  document.addEventListener('keydown', event => {
    const typing = event.target.matches?.('input, textarea, select, [contenteditable]');
    const box = questionBox();
    if (event.target.matches?.('.bq-find') && event.key === 'Enter') nextFound(event.target, event.shiftKey ? -1 : 1);
    else if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && box?.checkVisibility()) {
      event.preventDefault();
      box.focus();
      box.select();
    } else if (event.key === 'ArrowUp' && event.target === box) {
      const before = recalled[(box.value ? recalled.indexOf(box.value) : recalled.length) - 1];
      if (!before) return;
      event.preventDefault();
      box.value = before;
      box.dispatchEvent(new Event('input', { bubbles: true })); // gradio takes the value over from the event
    } else if (event.key === 'Escape' && !find('dialog[open]')) { // a dialog closes by itself
      const menu = document.querySelector('.bq-copy[open]');
      if (menu) menu.open = false;
      else if (event.target.matches?.('.bq-find') && event.target.value) return; // the browser empties it
      else if (event.target.closest?.('#reader')) find('#reader-close').click();
    }
  });

  window.addEventListener('popstate', restore);

  // Lets clicks on `data-open` inside a part of the page reach Python, and this script send its events.
  function connect(name, element, trigger) {
    triggers[name] = trigger;
    element.addEventListener('click', event => {
      const button = event.target.closest('[data-open]');
      if (!button) return;
      push(withBrief(button.dataset.open));
      trigger('click', { open: button.dataset.open });
    });
  }

  const send = (name, event, data) => triggers[name](event, data);
  const found = () => ranges[current]; // the words at which the search in the brief stands

  return { connect, fields, filled, asking, answered, opened, showSheet, closed, added, removed, tellFilters, send, found };
})();
