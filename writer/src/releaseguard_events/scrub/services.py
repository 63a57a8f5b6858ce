"""The documented forms of services' keys."""

from __future__ import annotations

from typing import Final

SERVICES: Final = (
    ("sg.", r"SG\.[A-Za-z0-9_-]{16,80}+(?:\.[A-Za-z0-9_-]{16,80}+)?"),  # SendGrid
    ("sk-", r"sk-(?=[A-Za-z_-]{0,40}\d)[A-Za-z0-9_-]{16,300}+"),  # OpenAI, Anthropic
    ("_live_ _test_", r"(?:[sprk]{2}|rk)_(?:live|test)_[A-Za-z0-9]{10,250}+"),  # Stripe
    ("ac sk", r"(?:AC|SK)[0-9a-f]{32}(?![0-9a-f])"),  # Twilio
    ("pk. sk. tk.", r"(?:pk|sk|tk)\.[A-Za-z0-9_-]{20,300}+(?:\.[A-Za-z0-9_-]{10,100}+)?"),  # Mapbox
    ("ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{20,255}+"),
    ("github_pat_", r"github_pat_[A-Za-z0-9_]{20,255}+"),
    ("glpat- gldt- glrt- glptt-", r"gl(?:pat|dt|rt|ptt|cbt|soat)-[A-Za-z0-9_-]{16,100}+"),  # GitLab
    ("akia asia abia acca", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),  # AWS
    ("aiza", r"AIza[A-Za-z0-9_-]{30,45}+"),  # Google: keys, tokens, client secrets, refresh tokens
    ("ya29.", r"ya29\.[A-Za-z0-9_.-]{10,2000}+"),
    ("gocspx-", r"GOCSPX-[A-Za-z0-9_-]{10,60}+"),
    ("1//0", r"1//0[A-Za-z0-9_-]{20,200}+"),
    ("xox", r"xox[abeoprs](?:\.xox[abeoprs])?-[A-Za-z0-9-]{10,250}+"),  # Slack
    ("xapp-", r"xapp-[A-Za-z0-9-]{10,250}+"),
    ("sb_secret_ sb_publishable_", r"sb_(?:secret|publishable)_[A-Za-z0-9_-]{10,200}+"),  # Supabase
    ("sbp_", r"sbp_[A-Za-z0-9_]{20,100}+"),
    ("phc_ phx_ phs_", r"ph[cxs]_[A-Za-z0-9]{20,100}+"),  # PostHog
    ("sntrys_ sntryu_", r"sntry[su]_[A-Za-z0-9_=+/-]{20,400}+"),  # Sentry
    ("whsec_", r"whsec_[A-Za-z0-9+/=_-]{10,100}+"),  # Stripe, Svix
    ("vca_ vcp_ vck_ vci_ vcr_", r"vc[apkir]_[A-Za-z0-9]{20,100}+"),  # Vercel
    ("st.", r"st\.[A-Za-z0-9]{8,64}+\.[A-Za-z0-9.]{16,200}+"),  # Infisical
    ("pushtoken[", r"Expo(?:nent)?PushToken\[[^\]\s]{6,100}+\]"),
    (":apa91b", r"[A-Za-z0-9_-]{6,60}+:APA91b[A-Za-z0-9_-]{60,300}+"),  # Firebase: devices and old server keys
    ("npm_", r"npm_[A-Za-z0-9]{30,60}+"),
    ("pypi-", r"pypi-[A-Za-z0-9_-]{40,300}+"),
    ("re_", r"re_(?=[A-Za-z0-9_]{0,12}\d)[A-Za-z0-9]{6,12}+_[A-Za-z0-9]{16,40}+"),  # Resend
    ("key-", r"key-[0-9a-f]{32}(?![0-9a-f])"),  # Mailgun
    ("-us", r"[0-9a-f]{32}-us\d{1,2}+"),  # Mailchimp
    ("xkeysib- xsmtpsib-", r"x(?:key|smtp)sib-[A-Za-z0-9-]{20,150}+"),  # Brevo
    ("hf_", r"hf_[A-Za-z0-9]{30,60}+"),  # Hugging Face
    ("gsk_", r"gsk_[A-Za-z0-9]{30,80}+"),  # Groq
    ("r8_", r"r8_[A-Za-z0-9]{30,60}+"),  # Replicate
    ("xai- pplx-", r"(?:xai|pplx)-[A-Za-z0-9]{30,120}+"),
    ("dop_v1_ doo_v1_ dor_v1_", r"do[opr]_v1_[0-9a-f]{40,80}+"),  # DigitalOcean
    ("shpat_ shpss_ shpca_ shppa_", r"shp(?:at|ss|ca|pa)_[A-Fa-f0-9]{20,64}+"),  # Shopify
    ("sq0", r"sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,60}+"),  # Square
    ("lin_api_", r"lin_api_[A-Za-z0-9]{30,60}+"),  # Linear
    ("ntn_ secret_", r"(?:ntn|secret)_(?=[A-Za-z]{0,20}\d)[A-Za-z0-9]{30,60}+"),  # Notion
    ("figd_", r"figd_[A-Za-z0-9_-]{20,80}+"),
    ("nfp_", r"nfp_[A-Za-z0-9]{30,60}+"),  # Netlify
    ("dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}+\.)?[A-Za-z0-9]{30,60}+"),  # Doppler
    ("pscale_", r"pscale_(?:pw|tkn|oauth)_[A-Za-z0-9_.=-]{30,70}+"),  # PlanetScale
    ("glc_ glsa_", r"gl(?:c|sa)_[A-Za-z0-9_+/=-]{30,200}+"),  # Grafana
    ("nrak-", r"NRAK-[A-Z0-9]{20,40}+"),  # New Relic
    ("pmak-", r"PMAK-[0-9a-f]{20,30}+-[0-9a-f]{30,40}+"),  # Postman
    ("atatt3", r"ATATT3[A-Za-z0-9_=-]{50,250}+"),  # Atlassian
    ("dapi", r"dapi[0-9a-f]{32}(?![0-9a-f])"),  # Databricks
    ("hvs. hvb.", r"hv[sb]\.[A-Za-z0-9_-]{20,150}+"),  # Vault
    ("rnd_ hrku-", r"(?:rnd_|HRKU-)[A-Za-z0-9_-]{20,70}+"),  # Render, Heroku
    ("aa", r"(?:bot)?+\d{8,10}+:AA[A-Za-z0-9_-]{30,40}+"),  # Telegram
    ("eaa", r"EAA[A-Za-z0-9]{60,300}+"),  # Meta
)
