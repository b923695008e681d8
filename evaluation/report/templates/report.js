"use strict";
(() => {
  // Tabs by the ARIA pattern; without a script all panels stand below each other.
  const panels = [...document.querySelectorAll("[data-tab]")];
  const list = document.createElement("div");
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "Parts of the report");
  const tabs = panels.map((panel) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `tab-${panel.id}`;
    tab.textContent = panel.dataset.tab;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panel.id);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    panel.tabIndex = 0;
    list.append(tab);
    return tab;
  });
  const select = (chosen) => {
    tabs.forEach((tab, k) => {
      tab.setAttribute("aria-selected", String(k === chosen));
      tab.tabIndex = k === chosen ? 0 : -1;
      panels[k].hidden = k !== chosen;
    });
  };
  const follow = () => {
    const k = panels.findIndex((panel) => `#${panel.id}` === location.hash);
    if (k >= 0) select(k);
  };
  const moves = {
    ArrowRight: (k) => (k + 1) % tabs.length,
    ArrowLeft: (k) => (k + tabs.length - 1) % tabs.length,
    Home: () => 0,
    End: () => tabs.length - 1,
  };
  tabs.forEach((tab, k) => {
    tab.addEventListener("click", () => {
      history.replaceState(null, "", `#${panels[k].id}`);
      select(k);
    });
    tab.addEventListener("keydown", (event) => {
      if (!(event.key in moves)) return;
      event.preventDefault();
      const next = tabs[moves[event.key](k)];
      next.focus();
      next.click();
    });
  });
  panels[0].before(list);
  document.body.classList.add("tabbed");
  addEventListener("hashchange", follow);
  select(0);
  follow();

  const filters = document.querySelector(".filters");
  if (!filters) return;
  const choices = [...filters.querySelectorAll("select")];
  const changes = [...document.querySelectorAll(".change")];
  const shown = document.getElementById("shown");
  const apply = () => {
    let n = 0;
    for (const change of changes) {
      const fits = choices.every(
        ({ value, dataset }) =>
          !value || change.dataset[dataset.filter].split("\n").includes(value),
      );
      change.hidden = !fits;
      n += fits;
    }
    shown.textContent = n === changes.length ? `${n} replies` : `${n} of ${changes.length} replies`;
  };
  choices.forEach((choice) => choice.addEventListener("change", apply));
  filters.querySelector("[data-reset]").addEventListener("click", () => {
    choices.forEach((choice) => (choice.value = ""));
    apply();
  });
  filters.hidden = false;
  apply();
})();
