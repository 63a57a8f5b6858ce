CLOUDFLARE_API = "https://api.cloudflare.com/client/v4"
