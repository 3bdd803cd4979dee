// Until there is a run to show: the page says that it is being opened, and nothing can be pressed.

// What can be pressed without one: what a run is made by, and whether the page is light or dark.
const ALWAYS = ".build, [data-always]";
const LOADING = "Opening the run …";

/** Say so, and disable what is there to press; the function that is returned ends that. */
export function beginLoading(page) {
  const held = [...page.root.querySelectorAll("button, select, input, textarea")]
    .filter((one) => !one.disabled && !one.closest(ALWAYS));
  const slider = page.root.querySelector("[role=slider]");
  for (const one of held) one.disabled = true;
  slider.setAttribute("aria-disabled", "true");
  page.tell(LOADING);
  return () => {
    for (const one of held) one.disabled = false;
    slider.removeAttribute("aria-disabled");
    sayNoMore(page);
  };
}

/** There is no run that could be opened yet. */
export function sayNoMore(page) {
  if (page.notice.textContent === LOADING) page.tell("");
}
