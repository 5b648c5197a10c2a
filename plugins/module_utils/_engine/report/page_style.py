# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""The style sheet of the page: light and dark, phone and desk, screen and paper. All contrasts are at least 4.5 to 1 for text."""
from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--back:#fff;--card:#f6f8fa;--text:#1b2126;--soft:#535e68;--line:#d5dbe1;--link:#0b57b0;
--good:#187a41;--quiet:#7fb898;--warn:#8f5b00;--warnback:#fff3d6;--bad:#b3201b;--badback:#ffe5e2;--goodback:#e2f4e8;--none:#7d8892;
--edge:#b9c1c9}
@media (prefers-color-scheme:dark){:root{--back:#12161a;--card:#1b2127;--text:#e8ecf0;--soft:#a5b0bb;--line:#333d46;--link:#8bbcff;
--good:#58c98a;--quiet:#3c7a59;--warn:#f2b84b;--warnback:#3a2c0c;--bad:#ff8a80;--badback:#451a18;--goodback:#143323;--none:#6d7883;
--edge:#4a5661}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:1rem/1.45 system-ui,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;
-webkit-text-size-adjust:100%}
header,main,footer{max-width:96rem;margin:0 auto;padding:1rem 1.25rem}
h1{font-size:1.5rem;line-height:1.2;margin:.4rem 0 .2rem}
h2{font-size:1.1rem;margin:0 0 .6rem}
p{margin:.2rem 0}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-100rem}
.skip:focus{left:1rem;top:.5rem;background:var(--back);padding:.3rem .6rem}
.soft{color:var(--soft);font-size:.875rem}
.wide{overflow-wrap:anywhere}
.verdict{border-left:5px solid;border-radius:.3rem;padding:.55rem .9rem;margin:.8rem 0}
.verdict .big{font-size:1.35rem;line-height:1.25;font-weight:650}
.verdict.bad{border-color:var(--bad);background:var(--badback)}
.verdict.attention{border-color:var(--warn);background:var(--warnback)}
.verdict.ok{border-color:var(--good);background:var(--goodback)}
.sums{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.6rem;margin:.8rem 0 0;padding:0}
.sums div{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.5rem .75rem}
.sums dt{color:var(--soft);font-size:.8rem}
.sums dd{margin:0;font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums}
table{width:100%;border-collapse:collapse;table-layout:fixed}
caption{text-align:left;color:var(--soft);font-size:.875rem;padding:0 0 .5rem}
th,td{text-align:left;vertical-align:top;padding:.55rem .6rem;border-top:1px solid var(--line)}
thead th{border-top:0;font-size:.8rem;color:var(--soft);font-weight:600;vertical-align:bottom}
.group th{padding-top:1.3rem;font-size:1rem;border-top:0}
tbody th[scope=row]{font-weight:600;font-size:.95rem;overflow-wrap:anywhere}
th .soft{font-weight:400}
thead th:nth-child(1){width:15%}thead th:nth-child(3),thead th:nth-child(4){width:13.5%}thead th:nth-child(5){width:11%}
thead th:nth-child(6){width:calc(270px + 1.2rem)}
td{font-variant-numeric:tabular-nums;line-height:1.35}
td{overflow-wrap:anywhere}
.less{color:var(--bad)}.attention .less{color:var(--warn)}
.one{white-space:nowrap}
.badge{display:inline-block;border-radius:.35rem;padding:.08rem .5rem;font-size:.85rem;font-weight:600;white-space:nowrap}
.badge svg{width:.8em;height:.8em;margin-right:.35em;vertical-align:-.05em;fill:none;stroke:currentColor;stroke-width:2}
.bad .badge{background:var(--badback);color:var(--bad)}
.attention .badge{background:var(--warnback);color:var(--warn)}
.ok .badge{background:var(--goodback);color:var(--good)}
tr.bad th[scope=row]{box-shadow:inset 4px 0 var(--bad)}
tr.attention th[scope=row]{box-shadow:inset 4px 0 var(--warn)}
.why{margin:.3rem 0 .2rem;padding:0;list-style:none;font-size:.9rem}
.why li+li{border-top:1px dotted var(--line);margin-top:.2rem;padding-top:.2rem}
.todo{font-size:.875rem;color:var(--soft)}
.strip,.line{display:block;width:270px;max-width:100%}
.strip{height:1.5rem;-webkit-mask:repeating-linear-gradient(90deg,#000 0 2px,transparent 2px 3px);
mask:repeating-linear-gradient(90deg,#000 0 2px,transparent 2px 3px)}
.legend .strip{width:1rem;height:1.25rem;-webkit-mask:none;mask:none}
.strip+.soft{display:block;margin-top:.2rem}
.line{height:1.1rem;margin-bottom:.15rem}
.line polyline{fill:none;stroke:var(--soft);stroke-width:1.5;vector-effect:non-scaling-stroke}
.b,.i{fill:var(--good)}.u{fill:var(--quiet)}.h{fill:var(--back)}
.f{fill:var(--bad)}.r{fill:var(--none)}.n{fill:var(--bad)}.p{fill:var(--edge)}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;margin:.3rem 0;padding:0;list-style:none;font-size:.875rem}
.legend li{display:flex;align-items:center;gap:.4rem}
.key{display:none}
@media screen and (max-width:70rem){
header,main,footer{padding:.75rem}
table,caption,tbody,tr,th,td{display:block}
thead{position:absolute;left:-100rem}
tr.row{background:var(--card);border:1px solid var(--line);border-radius:.6rem;margin:0 0 .75rem;padding:.7rem .85rem;
display:grid;grid-template-columns:repeat(6,1fr);gap:.6rem .9rem}
tr.bad.row{border-left:5px solid var(--bad)}tr.attention.row{border-left:5px solid var(--warn)}
tbody th[scope=row],td{border:0;padding:0;box-shadow:none!important;grid-column:span 2}
tbody th[scope=row],td.state,td.days{grid-column:1/-1}
tbody th[scope=row]{font-size:1.05rem}
.strip,.line{width:100%}
.strip{-webkit-mask:none;mask:none}
.key{display:block;color:var(--soft);font-size:.78rem}
.group th{padding:1rem 0 .5rem;border:0}
}
@media screen and (max-width:36rem){
tbody tr.row td{grid-column:span 3}
tbody tr.row td.state,tbody tr.row td.days,tbody tr.row td:nth-child(5){grid-column:1/-1}
.verdict .big{font-size:1.2rem}
.sums{grid-template-columns:1fr 1fr}
}
@media screen and (max-width:21rem){tbody tr.row td{grid-column:1/-1}}
@media print{
:root{--back:#fff;--card:#fff;--text:#000;--soft:#333;--line:#999;--link:#000;--good:#187a41;--quiet:#7fb898;--warn:#8f5b00;
--warnback:#fff;--bad:#b3201b;--badback:#fff;--goodback:#fff;--none:#777;--edge:#aaa}
html{font-size:9pt}
body{font-size:1rem;print-color-adjust:exact;-webkit-print-color-adjust:exact}
header,main,footer{max-width:none;padding:0 0 .8rem}
.skip,.todo{display:none}
.badge{border:1px solid;padding:0 .3rem}
.verdict{border:1px solid;border-left-width:5px}
.strip,.line{width:180px}
.strip{-webkit-mask:none;mask:none}
thead th:nth-child(6){width:calc(180px + 1.2rem)}
th,td{padding:.35rem .5rem}
.group th{padding-top:.7rem;break-after:avoid}
tr,.sums div{break-inside:avoid}
thead{display:table-header-group}
@page{size:A4 landscape;margin:12mm}
}
"""
