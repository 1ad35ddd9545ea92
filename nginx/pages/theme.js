// Light or dark: as the system prefers, until the visitor chooses. Loaded in the head of each page, so that the choice
// is there before anything is drawn. Buttons that carry data-theme-switch change it.
"use strict";

{
    const root = document.documentElement;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const kept = () => {
        try { return localStorage.getItem("parley-theme"); } catch { return null; }
    };
    const apply = (theme) => {
        if (theme === "light" || theme === "dark") root.dataset.theme = theme;
        else delete root.dataset.theme;
    };
    apply(kept());

    addEventListener("storage", (event) => { if (event.key === "parley-theme") apply(event.newValue); });
    addEventListener("click", (event) => {
        if (!event.target.closest?.("[data-theme-switch]")) return;
        const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
        const wanted = isDark ? "light" : "dark";
        // A choice that is the system's own follows the system from then on.
        const theme = (wanted === "dark") === dark.matches ? null : wanted;
        apply(theme);
        try {
            if (theme) localStorage.setItem("parley-theme", theme);
            else localStorage.removeItem("parley-theme");
        } catch { /* private windows keep nothing */ }
    });
}
