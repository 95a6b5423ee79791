
// Narrows the gallery of mistakes; the page is complete without it.
(() => {
  const filter = document.getElementById("filter");
  if (!filter) return;
  const label = document.getElementById("filter-label");
  const answer = document.getElementById("filter-answer");
  const narrow = () => {
    let shown = 0;
    for (const group of document.querySelectorAll(".group")) {
      let here = 0;
      for (const card of group.querySelectorAll(".mistake")) {
        card.hidden = (label.value && card.dataset.label !== label.value)
          || (answer.value && card.dataset.answer !== answer.value);
        here += !card.hidden;
      }
      group.hidden = !here;
      shown += here;
    }
    document.getElementById("filter-count").textContent = `${shown} shown`;
  };
  filter.hidden = false;
  label.addEventListener("change", narrow);
  answer.addEventListener("change", narrow);
})();
