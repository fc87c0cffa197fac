"""How the page looks: dark where the reader's system is, light on request and on paper."""

STYLE = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#16202b;--soft:#5a6775;--line:#dde3ea;--accent:#0b6e99;
--fill:#0b6e9922;--warn:#7a5300;--warn-fill:#fff4d9;--out:#b3261e;--out-fill:#fde8e6;--second:#8a4fbf;--third:#a05a00}
@media (prefers-color-scheme:dark){:root{--page:#0f141a;--card:#171e26;--ink:#e6ecf2;--soft:#9aa8b6;--line:#2a3440;
--accent:#58b9e6;--fill:#58b9e629;--warn:#ffd479;--warn-fill:#2e2610;--out:#ff8a80;--out-fill:#3a1a18;--second:#c69cf0;
--third:#f0a860}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,
sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1180px;margin:0 auto;padding:36px 28px 56px}
h1{font-size:30px;line-height:1.2;margin:2px 0 4px;letter-spacing:-.01em}
h1:first-letter{text-transform:uppercase}
h2{font-size:15px;margin:0 0 10px}
p{margin:0}
.over{color:var(--soft);font-size:13px}
.under{color:var(--soft);font-size:13px}
.lead{font-size:18px;line-height:1.45;margin:20px 0 22px;max-width:60em}
.banner{margin-top:18px;padding:10px 14px;border-radius:8px;background:var(--warn-fill);color:var(--warn);
font-weight:600;border-left:4px solid var(--warn)}
.banner.out{background:var(--out-fill);color:var(--out);border-color:var(--out);margin-top:8px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(168px,1fr));gap:12px}
.card,.lacks,figure,.figures{background:var(--card);border:1px solid var(--line);border-radius:10px}
.card{padding:14px 16px}
.value{font-size:30px;font-weight:650;line-height:1.2;margin-top:6px}
.value span{font-size:15px;font-weight:400;color:var(--soft)}
.reach{font-size:14px}
.card .under{margin-top:6px;border-top:1px solid var(--line);padding-top:6px}
.lacks{padding:16px 20px;margin:14px 0}
.lacks ul{margin:0;padding-left:18px;max-width:75em}
.lacks li{margin:3px 0}
figure{margin:0;padding:16px 18px;break-inside:avoid}
figure.wide{margin-bottom:14px}
figcaption{color:var(--soft);font-size:13px;margin-top:8px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(460px,1fr));gap:14px;margin-bottom:14px;
align-items:start}
.stack{display:grid;gap:14px}
.figures{padding:16px 20px;margin-top:14px}
table{border-collapse:collapse;width:100%}
th{text-align:left;font-weight:400;padding:3px 10px 3px 0}
thead th{color:var(--soft);font-size:13px}
thead th:not(:first-child),.num{text-align:right;white-space:nowrap}
td{padding:3px 0 3px 18px}
tbody tr:not(.group){border-top:1px solid var(--line)}
.group th{font-weight:650;padding-top:14px}
footer{margin-top:22px;color:var(--soft);font-size:13px;max-width:75em}
footer p{margin-top:6px}
svg{display:block;width:100%;height:auto;overflow:visible;font:12px system-ui,"Segoe UI",Roboto,Arial,sans-serif}
svg text{fill:var(--ink)}
svg .tick,svg .label{fill:var(--soft)}
svg .name{font-weight:600}
svg .grid{stroke:var(--line)}
svg .axis{stroke:var(--soft)}
svg .zero{stroke:var(--soft);stroke-dasharray:2 3}
svg .limit{stroke:var(--ink);stroke-width:1.4;stroke-dasharray:6 4}
svg .cell{fill:none;stroke:var(--line)}
svg .ring{fill:var(--fill);stroke:var(--accent);stroke-dasharray:3 3}
svg .dot{fill:var(--accent)}
svg .mark{stroke:var(--accent);stroke-width:1.6}
svg .bar{fill:var(--accent)}
svg .band{fill:var(--fill)}
svg .blob{fill:var(--fill);stroke:var(--accent)}
svg .vector{stroke:var(--ink);stroke-width:1.6}
svg .head{fill:var(--ink);stroke:none}
svg .run{fill:none;stroke:var(--accent);stroke-width:1.2;opacity:.6}
svg .out{fill:var(--out)}
svg .series{fill:none;stroke-width:2}
svg .one{stroke:var(--accent)}
svg .two{stroke:var(--second);stroke-dasharray:7 4}
svg .three{stroke:var(--third);stroke-dasharray:2 3}
@media (max-width:560px){main{padding:20px 14px}.pair{grid-template-columns:1fr}}
@media print{:root{--page:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#ccc;--accent:#0b6e99;--fill:#0b6e991c;
--warn:#5c3d00;--warn-fill:#fff;--out:#b3261e;--out-fill:#fff;--second:#6a3aa0;--third:#8a4a00}
body{font-size:11px;print-color-adjust:exact;-webkit-print-color-adjust:exact}main{max-width:none;padding:0}
.lead{font-size:13px}.value{font-size:20px}.cards{grid-template-columns:repeat(3,1fr);gap:6px}.card{padding:8px 10px}
h2{font-size:12px}figcaption,.over,.under,.reach,footer,thead th{font-size:10px}figure,.lacks{padding:10px 12px}
.figures{padding:10px 12px}
.pair{grid-template-columns:1fr 1fr;gap:8px}.card,figure,.lacks,.figures{break-inside:avoid}h1{font-size:22px}
@page{size:A4;margin:14mm}}
""".replace("\n", "")
